import { checkText } from '../tweet-text.ts'
import type { Post } from './network.ts'

/** X takes this many media in one post (POST /2/tweets, `media.media_ids`). */
export const MAX_MEDIA = 4

/** An id of X: of a post, or of media. */
export const PostId = /^[0-9]{1,19}$/u

/**
 * The JSON body of POST /2/tweets in a fixed key order, so that equal posts have equal bytes.
 * `made_with_ai` is always there: an X that does not know the field refuses the post with 400, and
 * that is wanted, for a label must not be lost on the way. Throws RangeError on a post that X
 * cannot take: tools check with `checkText` before, so this is a caller's mistake.
 */
export function renderPostBody(post: Post): Buffer {
  const { text, mediaIds, isAiLabeled, replyTo } = post
  if (text !== '' || mediaIds.length === 0) {
    const verdict = checkText(text)
    if (!verdict.isValid) throw new RangeError(verdict.detail)
  }
  if (mediaIds.length > MAX_MEDIA) {
    throw new RangeError(`A post has ${mediaIds.length} media; X takes at most ${MAX_MEDIA}.`)
  }
  const strange = [...mediaIds, ...(replyTo === undefined ? [] : [replyTo])].find(
    (id) => !PostId.test(id),
  )
  if (strange !== undefined) {
    throw new RangeError(`"${strange}" is not an id of X: 1 to 19 digits.`)
  }
  const body = {
    ...(text === '' ? {} : { text }),
    ...(mediaIds.length === 0 ? {} : { media: { media_ids: mediaIds } }),
    ...(replyTo === undefined ? {} : { reply: { in_reply_to_tweet_id: replyTo } }),
    made_with_ai: isAiLabeled,
  }
  return Buffer.from(JSON.stringify(body), 'utf8')
}
