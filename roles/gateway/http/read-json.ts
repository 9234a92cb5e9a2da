import { TerminalError } from '@chimera/contracts/errors'

import { parseStrictJson } from './strict-json.ts'

/** A goal has 10,000 characters at most; this is room for every way to write them. */
export const MAX_BODY_BYTES = 256 * 1024

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/**
 * The JSON body of a request, in UTF-8 and at most 256 kB. Throws MEDIA_TYPE_UNSUPPORTED,
 * BODY_TOO_LARGE, BODY_INVALID, INPUT_INVALID.
 */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type') ?? ''
  if (!JSON_TYPE.test(type.trim())) {
    throw new TerminalError(
      'MEDIA_TYPE_UNSUPPORTED',
      'Send the body as "content-type: application/json" in UTF-8.',
    )
  }
  const encoding = request.headers.get('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw new TerminalError('MEDIA_TYPE_UNSUPPORTED', 'Send the body without a content-encoding.')
  }
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const bytes = await readBytes(request)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new TerminalError('BODY_INVALID', 'The body is not UTF-8.', { cause })
  }
  return parseStrictJson(text)
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const body: ReadableStream<Uint8Array> | null = request.body
  if (body === null) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.byteLength
      if (size > MAX_BODY_BYTES) throw tooLarge()
      chunks.push(read.value)
    }
  } catch (cause) {
    if (cause instanceof TerminalError) throw cause
    throw new TerminalError('BODY_INVALID', 'The body broke off.', { cause })
  }
  return Buffer.concat(chunks)
}

const tooLarge = (): TerminalError =>
  new TerminalError('BODY_TOO_LARGE', `The body may have ${MAX_BODY_BYTES} bytes at most.`)
