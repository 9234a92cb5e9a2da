import { z } from 'zod'

import { canonicalText, checkText } from '../tweet-text.ts'
import { type Answer, invalidRequest } from './problems.ts'

const Id = z.string().regex(/^[0-9]{1,19}$/u)

/**
 * The body of POST /2/tweets: closed, as X's is (`additionalProperties: false`). Fields of X that
 * no tool of ours sends (poll, geo, card and the like) are not simulated, so they are refused.
 */
export const PostRequest = z.strictObject({
  text: z.string().min(1).optional(),
  media: z
    .strictObject({
      media_ids: z.array(Id).min(1).max(4),
      tagged_user_ids: z.array(Id).max(10).optional(),
    })
    .optional(),
  reply: z
    .strictObject({
      in_reply_to_tweet_id: Id,
      auto_populate_reply_metadata: z.boolean().optional(),
      exclude_reply_user_ids: z.array(Id).optional(),
    })
    .optional(),
  quote_tweet_id: Id.optional(),
  reply_settings: z.enum(['following', 'mentionedUsers', 'subscribers', 'verified']).optional(),
  nullcast: z.boolean().optional(),
  made_with_ai: z.boolean().optional(),
  paid_partnership: z.boolean().optional(),
})
export type PostRequest = z.infer<typeof PostRequest>

/** Parses and measures a post as X does; the text comes back canonical. */
export function parsePostRequest(
  body: unknown,
): { isValid: true; post: PostRequest } | { isValid: false; answer: Answer } {
  const refuse = (message: string) => ({
    isValid: false as const,
    answer: invalidRequest(message.slice(0, 500)),
  })
  const parsed = PostRequest.safeParse(body)
  if (!parsed.success) return refuse(z.prettifyError(parsed.error))
  const post = parsed.data
  if (post.media && post.quote_tweet_id)
    return refuse('media and quote_tweet_id exclude each other')
  if (post.text === undefined) {
    return post.media ? { isValid: true, post } : refuse('text is needed where there is no media')
  }
  const verdict = checkText(post.text)
  if (!verdict.isValid) return refuse(verdict.detail)
  return { isValid: true, post: { ...post, text: canonicalText(post.text) } }
}
