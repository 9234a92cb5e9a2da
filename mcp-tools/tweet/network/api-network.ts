import type { Authorize } from './authorize.ts'
import { classifyAnswer, classifyRemoval, classifyUpload } from './classify-answer.ts'
import type { AbsenceBound, Network, PreparedRequest } from './network.ts'
import { PostId, renderPostBody } from './post-body.ts'
import { readApi } from './read-api.ts'
import { readMentions, readPost } from './read-posts.ts'
import { readOwnId, readTimeline, type Read } from './read-timeline.ts'
import { sameContent } from './same-content.ts'
import { renderUploadBody } from './upload-body.ts'

/** A timeline page takes X well under a second; two users/me and ten pages still end in minutes. */
const READ_DEADLINE_MS = 10_000

/** What X and its simulation have in common, and what each says of itself. */
export type ApiParts = Readonly<{
  label: Network['label']
  isLive: boolean
  absence: AbsenceBound
  baseUrl: URL
  authorize: Authorize
  renew?: Network['renew']
  postUrl: (id: string) => string
  /** How far the network's clock may be behind ours; a post that old still counts as newer. */
  clockSkewMs: number
  now: () => number
  readDeadlineMs: number | undefined
}>

/** What X and its simulation share: both speak X API v2. What differs is told. */
export function apiNetwork(parts: ApiParts): Network {
  const { now, renew = async () => undefined } = parts
  return {
    label: parts.label,
    isLive: parts.isLive,
    absence: parts.absence,
    renew,
    ...writing(parts),
    ...reading(parts, renew),
    classify: (response) => classifyAnswer(response, { postUrl: parts.postUrl, nowMs: now() }),
    classifyUpload: (response) => classifyUpload(response, now()),
    classifyRemoval: (response, id) => classifyRemoval(response, { id, nowMs: now() }),
    sameContent,
  }
}

function writing(parts: ApiParts): Pick<Network, 'prepare' | 'prepareUpload' | 'prepareRemoval'> {
  const base = parts.baseUrl.href.replace(/\/$/u, '')
  const request = (method: 'POST' | 'DELETE', path: string, body: Buffer): PreparedRequest => {
    const url = `${base}${path}`
    const headers = {
      accept: 'application/json',
      authorization: parts.authorize({ method, url }),
      'content-length': String(body.byteLength),
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      'user-agent': 'chimera',
    }
    return { method, url, headers, body }
  }
  return {
    prepare: (post) => request('POST', '/2/tweets', renderPostBody(post)),
    prepareUpload: (image) => request('POST', '/2/media/upload', renderUploadBody(image)),
    prepareRemoval: (id) => {
      if (!PostId.test(id)) throw new RangeError(`"${id}" is not an id of X: 1 to 19 digits.`)
      return request('DELETE', `/2/tweets/${id}`, Buffer.alloc(0))
    },
  }
}

function reading(
  parts: ApiParts,
  renew: Network['renew'],
): Pick<Network, 'findSince' | 'findPost' | 'findMentions'> {
  const { authorize, now, readDeadlineMs: deadlineMs = READ_DEADLINE_MS } = parts
  const base = parts.baseUrl.href.replace(/\/$/u, '')
  let ownId: string | undefined

  const readerFor =
    (signal: AbortSignal | undefined): Read =>
    async (path) => {
      const trouble = await troubleOf(renew)
      if (trouble !== undefined) return { outcome: 'unavailable', detail: trouble }
      return readApi({ url: `${base}${path}`, authorize, deadlineMs, now, signal })
    }
  const idOf = async (read: Read) => {
    if (ownId !== undefined) return { outcome: 'read', userId: ownId } as const
    const own = await readOwnId(read)
    if (own.outcome === 'read') ownId = own.userId
    return own
  }
  return {
    findSince: async ({ sinceMs, signal }) => {
      const read = readerFor(signal)
      const own = await idOf(read)
      if (own.outcome !== 'read') return own
      return readTimeline(read, { userId: own.userId, sinceMs: sinceMs - parts.clockSkewMs })
    },
    findPost: async ({ id, signal }) => {
      if (!PostId.test(id)) throw new RangeError(`"${id}" is not an id of X: 1 to 19 digits.`)
      return readPost(readerFor(signal), id)
    },
    findMentions: async ({ signal, ...asked }) => {
      const read = readerFor(signal)
      const own = await idOf(read)
      return own.outcome === 'read' ? readMentions(read, { userId: own.userId, ...asked }) : own
    },
  }
}

/** Why there are no credentials to read with: reading that fails says so and throws nothing. */
async function troubleOf(renew: Network['renew']): Promise<string | undefined> {
  try {
    return (await renew())?.detail
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}
