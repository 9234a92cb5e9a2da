import { createHash } from 'node:crypto'

import { checkImage, MAX_IMAGE_BYTES } from '@chimera/contracts/media'
import { z } from 'zod'

import { type Answer, invalidRequest } from './problems.ts'

/** The JSON form of POST /2/media/upload, for pictures. */
const UploadRequest = z.strictObject({
  media: z.base64().max(Math.ceil(MAX_IMAGE_BYTES / 3) * 4),
  media_category: z.literal('tweet_image'),
  media_type: z.enum(['image/png', 'image/jpeg', 'image/webp']),
})

/** X forgets media that nobody has posted after a day. */
const KEPT_MS = 86_400_000
export const KEPT_S = KEPT_MS / 1_000
/** More than any storm of tests uploads; beyond it the oldest are forgotten. */
const MAX_UPLOADS = 10_000

/** Which media each account may post. The bytes themselves are not kept. */
export type Uploads = Readonly<{
  add: (id: string, by: { account: string; atMs: number }) => void
  mayPost: (id: string, account: string) => boolean
}>

export function openUploads({ now }: { now: () => number }): Uploads {
  const byId = new Map<string, { account: string; atMs: number }>()
  return {
    add: (id, by) => {
      byId.set(id, by)
      const [oldest] = byId.keys()
      if (byId.size > MAX_UPLOADS && oldest !== undefined) byId.delete(oldest)
    },
    mayPost: (id, account) => {
      const upload = byId.get(id)
      return upload?.account === account && now() - upload.atMs < KEPT_MS
    },
  }
}

/** What the record says of an upload in place of its bytes. */
export type UploadSummary = Readonly<{ sha256: string; bytes: number; media_type: string }>

/** Reads an upload as X does: by the bytes, whatever the sender calls them. */
export function parseUpload(
  body: unknown,
): { isValid: true; summary: UploadSummary } | { isValid: false; answer: Answer } {
  const parsed = UploadRequest.safeParse(body)
  if (!parsed.success) {
    return { isValid: false, answer: invalidRequest(z.prettifyError(parsed.error).slice(0, 500)) }
  }
  const { media, media_type } = parsed.data
  const bytes = Buffer.from(media, 'base64')
  const verdict = checkImage(bytes)
  if (!verdict.isImage || verdict.type !== media_type) {
    return { isValid: false, answer: invalidRequest('The media is not of the type that it says.') }
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { isValid: true, summary: { sha256, bytes: bytes.length, media_type } }
}
