import type { Stage, Staged } from '@chimera/mcp-kit/protocol/stage'
import { sendOnce } from '@chimera/mcp-kit/provider/send-once'

import type { Image, Network, Post } from './network/network.ts'

/**
 * The step before a post with media: every image is uploaded, then the post is made with the ids
 * that X gave. A claim that dies in here leaves uploads that nobody sees; its next round repeats
 * them. The ids are in the ledger before the post leaves.
 */
export function uploadMedia(of: {
  network: Network
  post: Post
  images: readonly Image[]
  /** Deadline of one upload; the whole has its own. */
  sendTimeoutMs: number
}): Stage {
  const { network, post, images } = of
  return async ({ maySend, onSending, deadlineMs }) => {
    const startedMs = performance.now()
    const mediaIds: string[] = []
    for (const image of images) {
      const leftMs = deadlineMs - (performance.now() - startedMs)
      const outcome = await sendOnce({
        request: network.prepareUpload(image),
        deadlineMs: Math.min(leftMs, of.sendTimeoutMs),
        maySend,
        onSending,
      })
      if (outcome.kind === 'not_sent') return outcome
      if (outcome.kind === 'unknown') return unsent(outcome.detail)
      const verdict = network.classifyUpload(outcome.response)
      if (verdict.outcome === 'unknown') return unsent(verdict.detail)
      if (verdict.outcome === 'refused') {
        const { outcome: _refused, ...refusal } = verdict
        return { kind: 'refused', refusal: { ...refusal, detail: `Media: ${refusal.detail}` } }
      }
      mediaIds.push(verdict.mediaId)
    }
    const request = network.prepare({ ...post, mediaIds })
    return { kind: 'ready', request: { ...request, facts: { media_ids: mediaIds.join(',') } } }
  }
}

/** Whatever became of the upload, the post has not been sent. */
function unsent(why: string): Staged {
  const detail = `The media could not be uploaded: ${why}`
  return { kind: 'not_sent', refusal: { code: 'UPSTREAM_UNAVAILABLE', detail } }
}
