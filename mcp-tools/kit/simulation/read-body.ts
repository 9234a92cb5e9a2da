import type { IncomingMessage } from 'node:http'

/** What came as a body. `text` is for the record; a body that is too long is cut there. */
export type Body =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'other'; readonly text: string | null }

/** The most that a record keeps of what was not understood. */
const MAX_KEPT_CHARACTERS = 64 * 1_024

/**
 * Reads a whole body, as a simulated provider does: what is too long or no JSON is an answer of
 * its own there. Throws when the sender goes away in the middle: then nothing was asked.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue
    // The rest is read and dropped, so that the sender gets its answer.
    if (size < maxBytes) chunks.push(chunk)
    size += chunk.byteLength
  }
  if (size === 0) return { kind: 'other', text: null }
  const text = Buffer.concat(chunks).toString('utf8')
  const kept = { kind: 'other', text: text.slice(0, MAX_KEPT_CHARACTERS) } as const
  if (size > maxBytes) return kept
  const isJson = /^application\/json\b/iu.test(request.headers['content-type'] ?? '')
  if (!isJson) return kept
  try {
    return { kind: 'json', value: JSON.parse(text) }
  } catch {
    return kept
  }
}
