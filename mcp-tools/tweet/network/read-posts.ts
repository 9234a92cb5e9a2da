import { z } from 'zod'

import type { Found, Mentions } from './network.ts'
import type { Read } from './read-timeline.ts'
import { seenPost, Tweet, TWEET_FIELDS } from './seen-post.ts'

/** X gives no fewer in a page, and no more. */
const PAGE = { least: 5, most: 100 } as const

const Lookup = z.object({
  data: Tweet.optional(),
  errors: z.array(z.object({ type: z.string(), title: z.string() })).optional(),
})

const Page = z.object({
  data: z.array(Tweet).max(PAGE.most).optional(),
  meta: z.object({ result_count: z.int(), next_token: z.string().max(1_000).optional() }),
})

/**
 * One post by its id. Only X's `resource-not-found` says that there is none: a post that may not be
 * seen (protected, withheld) is there all the same.
 */
export async function readPost(read: Read, id: string): Promise<Found> {
  const parameters = new URLSearchParams({ 'tweet.fields': TWEET_FIELDS })
  const answer = await read(`/2/tweets/${id}?${parameters.toString()}`)
  if (answer.outcome !== 'read') return answer
  const parsed = Lookup.safeParse(answer.body)
  if (!parsed.success) return strange('The post')
  const { data, errors = [] } = parsed.data
  if (data !== undefined) return { outcome: 'read', post: seenPost(data) }
  if (errors.some(({ type }) => type.endsWith('/resource-not-found'))) {
    return { outcome: 'read', post: undefined }
  }
  const why = errors.map(({ title }) => title).join('; ')
  return { outcome: 'unavailable', detail: `X does not show the post: ${why.slice(0, 200)}.` }
}

/** One page of the posts that name a user, newest first. */
export async function readMentions(
  read: Read,
  of: { userId: string; limit: number; sinceId?: string; next?: string },
): Promise<Mentions> {
  const { userId, limit, sinceId, next } = of
  const parameters = new URLSearchParams({
    max_results: String(Math.min(Math.max(limit, PAGE.least), PAGE.most)),
    'tweet.fields': TWEET_FIELDS,
  })
  if (sinceId !== undefined) parameters.set('since_id', sinceId)
  if (next !== undefined) parameters.set('pagination_token', next)
  const answer = await read(`/2/users/${userId}/mentions?${parameters.toString()}`)
  if (answer.outcome !== 'read') return answer
  const parsed = Page.safeParse(answer.body)
  if (!parsed.success) return strange('The list of mentions')
  const { data = [], meta } = parsed.data
  const { next_token: token } = meta
  return {
    outcome: 'read',
    posts: data.map(seenPost),
    ...(token === undefined ? {} : { next: token }),
  }
}

function strange(what: string): Extract<Found, { outcome: 'unavailable' }> {
  return { outcome: 'unavailable', detail: `${what} is not in the shape that X documents.` }
}
