import { createHash } from 'node:crypto'

import { findLinks } from '../tweet-text.ts'
import type { PostRequest } from './post-request.ts'
import { mintedAtMs } from './snowflake.ts'

/** One post as the simulated X keeps it. */
export type StoredPost = {
  readonly id: string
  readonly account: string
  readonly request: PostRequest
}

type UrlEntity = {
  start: number
  end: number
  url: string
  expanded_url: string
  display_url: string
  media_key?: string
}

/** The fields that `tweet.fields` may name here; others of X are not simulated. */
export const TWEET_FIELDS: ReadonlySet<string> = new Set([
  'attachments',
  'author_id',
  'created_at',
  'edit_history_tweet_ids',
  'entities',
  'id',
  'referenced_tweets',
  'text',
])

/** A post as X gives it: three fields always, the others only when `fields` names them. */
export function renderTweet(
  post: StoredPost,
  { userId, fields }: { userId: string; fields: ReadonlySet<string> },
): Record<string, unknown> {
  const { id, request } = post
  const { text, urls } = wrapLinks(post)
  const all: Record<string, unknown> = {
    author_id: userId,
    // X cuts its times to the second; only the id knows the milliseconds.
    created_at: `${new Date(mintedAtMs(id)).toISOString().slice(0, 19)}.000Z`,
    ...(urls.length === 0 ? {} : { entities: { urls } }),
    ...(request.media && { attachments: { media_keys: request.media.media_ids.map(mediaKey) } }),
    ...referencesOf(request),
  }
  const asked = Object.entries(all).filter(([name]) => fields.has(name))
  return { id, text, edit_history_tweet_ids: [id], ...Object.fromEntries(asked) }
}

function referencesOf({ reply, quote_tweet_id }: PostRequest): Record<string, unknown> {
  const references = [
    ...(reply ? [{ type: 'replied_to', id: reply.in_reply_to_tweet_id }] : []),
    ...(quote_tweet_id === undefined ? [] : [{ type: 'quoted', id: quote_tweet_id }]),
  ]
  return references.length === 0 ? {} : { referenced_tweets: references }
}

/** X escapes `& < >`, wraps each link with t.co and appends a link to the post's own media. */
function wrapLinks({ id, account, request }: StoredPost): { text: string; urls: UrlEntity[] } {
  const urls: UrlEntity[] = []
  const source = request.text ?? ''
  let text = ''
  let from = 0
  const append = (entity: Omit<UrlEntity, 'start' | 'end'>): void => {
    // X counts code points of the escaped text.
    const start = Array.from(text).length
    text += entity.url
    urls.push({ start, end: start + entity.url.length, ...entity })
  }
  for (const link of findLinks(source)) {
    text += escapeText(source.slice(from, link.start))
    const expanded = /^https?:\/\//iu.test(link.url) ? link.url : `http://${link.url}`
    append({
      url: shortLink(id, urls.length),
      expanded_url: expanded,
      display_url: expanded.replace(/^https?:\/\/(?:www\.)?/iu, '').slice(0, 26),
    })
    from = link.end
  }
  text += escapeText(source.slice(from))
  const [media] = request.media?.media_ids ?? []
  if (media !== undefined) {
    // One link for all media of a post.
    const url = shortLink(id, urls.length)
    if (text !== '') text += ' '
    append({
      url,
      expanded_url: `https://x.com/${account}/status/${id}/photo/1`,
      display_url: `pic.x.com/${url.slice(-10)}`,
      media_key: mediaKey(media),
    })
  }
  return { text, urls }
}

function mediaKey(mediaId: string): string {
  return `3_${mediaId}`
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** 23 characters, like every t.co link; the same again after a restart. */
function shortLink(id: string, index: number): string {
  const digest = createHash('sha256').update(`${id}/${index}`).digest('hex')
  return `https://t.co/${digest.slice(0, 10)}`
}
