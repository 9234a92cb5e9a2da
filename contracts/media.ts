/**
 * Images that may go out with a post. They are named by their content and never by a path or a URL:
 * what was approved is what is sent (design.md section 6).
 */
import { createHash } from 'node:crypto'

import { z } from 'zod'

/** `sha256:` and the digest of the bytes, as `chimera media add <file>` prints it. */
export const MediaHandle = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'use a handle that `chimera media add <file>` printed')
export type MediaHandle = z.infer<typeof MediaHandle>

/** X takes images up to "5 MB" (docs.x.com, POST /2/media/upload); the smaller reading of it. */
export const MAX_IMAGE_BYTES = 5_000_000

/** What X shows as a picture and takes in one request; a GIF may move and needs the chunked way. */
export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp'

/** Why bytes are no image that may be posted, in a sentence; or what they are. */
export type ImageVerdict =
  | Readonly<{ isImage: true; type: ImageType }>
  | Readonly<{ isImage: false; detail: string }>

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const JPEG = Buffer.from([0xff, 0xd8, 0xff])

/** Judges bytes by what they are, not by the name of a file. */
export function checkImage(bytes: Buffer): ImageVerdict {
  if (bytes.length > MAX_IMAGE_BYTES) {
    const detail = `It has ${bytes.length} bytes; an image may have ${MAX_IMAGE_BYTES}.`
    return { isImage: false, detail }
  }
  const type = typeOf(bytes)
  if (type !== undefined) return { isImage: true, type }
  return { isImage: false, detail: 'It does not begin as a PNG, a JPEG or a WebP image does.' }
}

function typeOf(bytes: Buffer): ImageType | undefined {
  if (bytes.subarray(0, PNG.length).equals(PNG)) return 'image/png'
  if (bytes.subarray(0, JPEG.length).equals(JPEG)) return 'image/jpeg'
  const isWebp =
    bytes.subarray(0, 4).equals(Buffer.from('RIFF')) &&
    bytes.subarray(8, 12).equals(Buffer.from('WEBP'))
  return isWebp ? 'image/webp' : undefined
}

/** The handle of bytes. */
export function handleOf(bytes: Buffer): MediaHandle {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The name of its file in the folder of media: nothing but 64 hex digits. */
export function mediaFileName(handle: MediaHandle): string {
  return MediaHandle.parse(handle).slice('sha256:'.length)
}
