import type { IncomingMessage } from 'node:http'

import { TerminalError } from '@chimera/contracts/errors'

/**
 * The body as text. Throws BODY_TOO_LARGE as soon as it has more than `maxBytes`, without reading
 * on, and BODY_INVALID when it is not UTF-8.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = Number(request.headers['content-length'] ?? 0)
  if (bytes > maxBytes) throw tooLarge(maxBytes)
  bytes = 0
  // Whoever is refused has to be able to read why: the connection outlives the reading.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  try {
    return UTF8.decode(Buffer.concat(chunks))
  } catch (cause) {
    throw new TerminalError('BODY_INVALID', 'The body is not UTF-8.', { cause })
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function tooLarge(maxBytes: number): TerminalError {
  return new TerminalError('BODY_TOO_LARGE', `At most ${maxBytes} bytes are read.`)
}
