import type { IncomingMessage } from 'node:http'

/** A batch of 1,000 orders fits; more is not one. */
const MAX_BODY_BYTES = 512 * 1_024

/** What came as a body. `text` is for the record; a body that is too long is cut there. */
export type Body =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'other'; readonly text: string | null }

/** Reads a whole body. Throws when the sender goes away in the middle: then nothing was asked. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue
    // The rest is read and dropped, so that the sender gets its answer.
    if (size < MAX_BODY_BYTES) chunks.push(chunk)
    size += chunk.byteLength
  }
  if (size === 0) return { kind: 'other', text: null }
  const text = Buffer.concat(chunks).toString('utf8').slice(0, MAX_BODY_BYTES)
  if (size > MAX_BODY_BYTES) return { kind: 'other', text }
  const isJson = /^application\/json\b/iu.test(request.headers['content-type'] ?? '')
  if (!isJson) return { kind: 'other', text }
  try {
    return { kind: 'json', value: JSON.parse(text) }
  } catch {
    // The exchange answers this like any other body that it cannot read.
    return { kind: 'other', text }
  }
}
