import type { Authorize } from './authorize.ts'
import { classifyAnswer } from './classify-answer.ts'
import type { AbsenceBound, Network } from './network.ts'
import { renderPostBody } from './post-body.ts'
import { readApi } from './read-api.ts'
import { readOwnId, readTimeline } from './read-timeline.ts'
import { sameContent } from './same-content.ts'

/** A timeline page takes X well under a second; two users/me and ten pages still end in minutes. */
const READ_DEADLINE_MS = 10_000

/** What X and its simulation share: both speak X API v2. What differs is told. */
export function apiNetwork(parts: {
  label: Network['label']
  isLive: boolean
  absence: AbsenceBound
  baseUrl: URL
  authorize: Authorize
  postUrl: (id: string) => string
  /** How far the network's clock may be behind ours; a post that old still counts as newer. */
  clockSkewMs: number
  now: () => number
  readDeadlineMs: number | undefined
}): Network {
  const { baseUrl, authorize, now, readDeadlineMs: deadlineMs = READ_DEADLINE_MS } = parts
  const base = baseUrl.href.replace(/\/$/u, '')
  let userId: string | undefined

  const findSince: Network['findSince'] = async ({ sinceMs, signal }) => {
    const read = (path: string) =>
      readApi({ url: `${base}${path}`, authorize, deadlineMs, now, signal })
    if (userId === undefined) {
      const own = await readOwnId(read)
      if (own.outcome !== 'read') return own
      userId = own.userId
    }
    return readTimeline(read, { userId, sinceMs: sinceMs - parts.clockSkewMs })
  }

  return {
    label: parts.label,
    isLive: parts.isLive,
    absence: parts.absence,
    prepare: (post) => {
      const body = renderPostBody(post)
      const url = `${base}/2/tweets`
      const headers = {
        accept: 'application/json',
        authorization: authorize({ method: 'POST', url }),
        'content-length': String(body.byteLength),
        'content-type': 'application/json',
        'user-agent': 'chimera',
      }
      return { method: 'POST', url, headers, body }
    },
    classify: (response) => classifyAnswer(response, { postUrl: parts.postUrl, nowMs: now() }),
    findSince,
    sameContent,
  }
}
