import { z } from 'zod'

import { userIdOf } from './accounts.ts'
import type { Posts } from './posts.ts'
import { type Answer, invalidRequest } from './problems.ts'
import { renderTweet, type StoredPost, TWEET_FIELDS } from './render-tweet.ts'

const Fields = z
  .string()
  .transform((list) => new Set(list.split(',')))
  .refine((fields) => fields.isSubsetOf(TWEET_FIELDS), 'names a field that is not simulated')

const TweetQuery = z.strictObject({ 'tweet.fields': Fields.optional() })

const TimelineQuery = TweetQuery.extend({
  max_results: z.coerce.number().int().min(5).max(100).default(10),
  pagination_token: z
    .string()
    .regex(/^[0-9]{1,19}$/u)
    .optional(),
  start_time: z.iso.datetime().optional(),
})

const MentionsQuery = TimelineQuery.omit({ start_time: true }).extend({
  since_id: z
    .string()
    .regex(/^[0-9]{1,19}$/u)
    .optional(),
})

/** One page of an account's own posts, newest first, none younger than `visibleUntilMs`. */
export function readTimelinePage(
  url: URL,
  from: {
    sender: { account: string; userId: string }
    posts: Posts
    visibleUntilMs: number
  },
): Answer {
  const query = TimelineQuery.safeParse(Object.fromEntries(url.searchParams))
  if (!query.success) return invalidRequest(z.prettifyError(query.error))
  const { max_results: size, pagination_token: before, start_time: start } = query.data
  const { sender, posts, visibleUntilMs } = from
  const fromMs = start === undefined ? 0 : Date.parse(start)
  const rest = posts
    .listOf(sender.account, { fromMs, toMs: visibleUntilMs })
    .filter(({ id }) => before === undefined || BigInt(id) < BigInt(before))
  const userId = () => sender.userId
  return renderPage(rest, { size, fields: query.data['tweet.fields'], userId })
}

/** One page of what others said of the accounts here, newest first. */
export function readMentionsPage(url: URL, { posts }: { posts: Posts }): Answer {
  const query = MentionsQuery.safeParse(Object.fromEntries(url.searchParams))
  if (!query.success) return invalidRequest(z.prettifyError(query.error))
  const { max_results: size, pagination_token: before, since_id: since = '0' } = query.data
  const rest = posts
    .listMentions()
    .filter(({ id }) => BigInt(id) > BigInt(since))
    .filter(({ id }) => before === undefined || BigInt(id) < BigInt(before))
  const fields = query.data['tweet.fields']
  return renderPage(rest, { size, fields, userId: ({ account }) => userIdOf(account) })
}

function renderPage(
  rest: readonly StoredPost[],
  as: { size: number; fields: Set<string> | undefined; userId: (post: StoredPost) => string },
): Answer {
  const page = rest.slice(0, as.size)
  const [newest, oldest] = [page[0], page.at(-1)]
  // X leaves `data` out where there is nothing.
  if (!newest || !oldest) return { status: 200, body: { meta: { result_count: 0 } } }
  const fields = as.fields ?? new Set<string>()
  const meta = {
    result_count: page.length,
    newest_id: newest.id,
    oldest_id: oldest.id,
    ...(rest.length > page.length ? { next_token: oldest.id } : {}),
  }
  const data = page.map((post) => renderTweet(post, { userId: as.userId(post), fields }))
  return { status: 200, body: { data, meta } }
}

/** One post by its id, at once and of any account: X's look-up does not lag as timelines do. */
export function renderFound(id: string, url: URL, posts: Posts): Answer {
  const query = TweetQuery.safeParse(Object.fromEntries(url.searchParams))
  if (!query.success) return invalidRequest(z.prettifyError(query.error))
  const post = posts.find(id)
  if (!post) {
    const error = {
      value: id,
      detail: `Could not find tweet with id: [${id}].`,
      title: 'Not Found Error',
      resource_type: 'tweet',
      parameter: 'id',
      resource_id: id,
      type: 'https://api.twitter.com/2/problems/resource-not-found',
    }
    return { status: 200, body: { errors: [error] } }
  }
  const fields = query.data['tweet.fields'] ?? new Set<string>()
  const data = renderTweet(post, { userId: userIdOf(post.account), fields })
  return { status: 200, body: { data } }
}
