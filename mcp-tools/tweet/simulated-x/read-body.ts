import type { IncomingMessage } from 'node:http'

/** X's largest post as JSON with every character escaped fits; more is not one. */
const MAX_BODY_BYTES = 64 * 1_024
/** An image of 5 MB in base64, and what stands around it. */
const MAX_UPLOAD_BYTES = 7 * 1_024 * 1_024

/** What came as a body. `text` is for the record; a body that is too long is cut there. */
export type Body =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'other'; readonly text: string | null }

/** Reads a whole body. Throws when the sender goes away in the middle: then nothing was asked. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const isUpload = request.url?.startsWith('/2/media/upload') === true
  const maxBytes = isUpload ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue
    // The rest is read and dropped, so that the sender gets its answer.
    if (size < maxBytes) chunks.push(chunk)
    size += chunk.byteLength
  }
  if (size === 0) return { kind: 'other', text: null }
  const text = Buffer.concat(chunks).toString('utf8').slice(0, maxBytes)
  if (size > maxBytes) return { kind: 'other', text: text.slice(0, MAX_BODY_BYTES) }
  const isJson = /^application\/json\b/iu.test(request.headers['content-type'] ?? '')
  if (!isJson) return { kind: 'other', text }
  try {
    return { kind: 'json', value: JSON.parse(text) }
  } catch {
    // X answers this like any other body that has no valid post in it.
    return { kind: 'other', text }
  }
}
