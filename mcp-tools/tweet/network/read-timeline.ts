import { z } from 'zod'

import type { SeenPost, Timeline } from './network.ts'
import type { ReadAnswer } from './read-api.ts'
import { seenPost, Tweet, TWEET_FIELDS } from './seen-post.ts'

/** The most that X gives in one page. */
const PAGE_SIZE = 100
/** No account of ours writes 1,000 posts in the minutes that a reconciliation looks back. */
const MAX_PAGES = 10

const Me = z.object({ data: z.object({ id: z.string().regex(/^[0-9]{1,19}$/u) }) })

const Page = z.object({
  data: z.array(Tweet).max(PAGE_SIZE).optional(),
  // Always there in a real answer; without it an empty page is no proof of absence.
  meta: z.object({ result_count: z.int(), next_token: z.string().optional() }),
})

/** One GET under the API's base, authorised and bounded: `read-api.ts` with its dependencies. */
export type Read = (path: string) => Promise<ReadAnswer>

/** The numeric id of the account that the credentials belong to. */
export async function readOwnId(
  read: Read,
): Promise<{ outcome: 'read'; userId: string } | Extract<Timeline, { outcome: 'unavailable' }>> {
  const answer = await read('/2/users/me')
  if (answer.outcome !== 'read') return answer
  const me = Me.safeParse(answer.body)
  if (!me.success) return { outcome: 'unavailable', detail: 'GET /2/users/me told no id.' }
  return { outcome: 'read', userId: me.data.data.id }
}

/** The posts of one user from `sinceMs` on, newest first. */
export async function readTimeline(
  read: Read,
  { userId, sinceMs }: { userId: string; sinceMs: number },
): Promise<Timeline> {
  const posts: SeenPost[] = []
  let token: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await read(timelinePath({ userId, sinceMs, token }))
    if (answer.outcome !== 'read') return answer
    const parsed = Page.safeParse(answer.body)
    if (!parsed.success) {
      return {
        outcome: 'unavailable',
        detail: 'The timeline is not in the shape that X documents.',
      }
    }
    const seen = (parsed.data.data ?? []).filter(isOwn).map(seenPost)
    const recent = seen.filter(({ createdAtMs }) => createdAtMs >= sinceMs)
    posts.push(...recent)
    token = parsed.data.meta.next_token
    if (token === undefined || recent.length < seen.length) {
      return { outcome: 'read', posts, isComplete: true }
    }
  }
  return { outcome: 'read', posts, isComplete: false }
}

function timelinePath(query: {
  userId: string
  sinceMs: number
  token: string | undefined
}): string {
  const parameters = new URLSearchParams({
    max_results: String(PAGE_SIZE),
    // Whole seconds are all that X takes; what is a little older is left out afterwards.
    start_time: `${new Date(query.sinceMs).toISOString().slice(0, 19)}Z`,
    'tweet.fields': TWEET_FIELDS,
  })
  if (query.token !== undefined) parameters.set('pagination_token', query.token)
  return `/2/users/${query.userId}/tweets?${parameters.toString()}`
}

function isOwn(tweet: Tweet): boolean {
  return !(tweet.referenced_tweets ?? []).some(({ type }) => type === 'retweeted')
}
