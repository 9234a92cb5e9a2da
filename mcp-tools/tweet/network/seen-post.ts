import { z } from 'zod'

import type { SeenPost } from './network.ts'

/** The first moment of X's ids, which hold milliseconds above 22 bits (the "snowflake"). */
const SNOWFLAKE_EPOCH_MS = 1_288_834_974_657n

const Link = z.object({
  url: z.string(),
  expanded_url: z.string().optional(),
  display_url: z.string().optional(),
  media_key: z.string().optional(),
})

/** A post as the API gives it, with the fields of `TWEET_FIELDS`. */
export const Tweet = z.object({
  id: z.string().regex(/^[0-9]{1,19}$/u),
  text: z.string(),
  author_id: z.string().optional(),
  entities: z.object({ urls: z.array(Link).optional() }).optional(),
  attachments: z.object({ media_keys: z.array(z.string()).optional() }).optional(),
  referenced_tweets: z.array(z.object({ type: z.string(), id: z.string() })).optional(),
})
export type Tweet = z.infer<typeof Tweet>

/** What is asked for in `tweet.fields` wherever posts are read. */
export const TWEET_FIELDS = 'attachments,author_id,created_at,entities,referenced_tweets'

/**
 * A post as its author wrote it. Its time is taken from its id, because `created_at` is cut to the
 * second and would put a post before its own claim.
 */
export function seenPost(tweet: Tweet): SeenPost {
  const replyTo = tweet.referenced_tweets?.find(({ type }) => type === 'replied_to')?.id
  return {
    id: tweet.id,
    createdAtMs: Number((BigInt(tweet.id) >> 22n) + SNOWFLAKE_EPOCH_MS),
    text: plainText(tweet),
    mediaCount: tweet.attachments?.media_keys?.length ?? 0,
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(tweet.author_id === undefined ? {} : { authorId: tweet.author_id }),
  }
}

/** The text as its author wrote it: X escapes three characters and wraps each link with t.co. */
function plainText(tweet: Tweet): string {
  const links = tweet.entities?.urls ?? []
  const decoded = tweet.text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
  return links
    .reduce((text, link) => text.replaceAll(link.url, () => meaningOf(link)), decoded)
    .trim()
}

/** X appends a link to the post's own media; it is no part of what was written. */
function meaningOf(link: z.infer<typeof Link>): string {
  const isOwnMedia =
    link.media_key !== undefined || /^pic\.(?:x|twitter)\.com\//u.test(link.display_url ?? '')
  return isOwnMedia ? '' : (link.expanded_url ?? link.url)
}
