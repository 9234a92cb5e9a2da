import { normalisedText } from '../tweet-text.ts'
import type { StoredPost } from './render-tweet.ts'
import { mintedAtMs } from './snowflake.ts'

/** X refuses the same words of one account for about a day. */
const DUPLICATE_WINDOW_MS = 86_400_000

/** More than any storm of tests posts; beyond it the oldest are forgotten. */
const MAX_POSTS = 100_000

/** What the simulated X remembers of its accounts. */
export type Posts = {
  readonly add: (post: StoredPost) => void
  readonly remove: (id: string) => void
  readonly find: (id: string) => StoredPost | undefined
  /** A post of somebody else that names the accounts here. */
  readonly addMention: (post: StoredPost) => void
  /** Newest first. */
  readonly listMentions: () => StoredPost[]
  /** Whether this account said the same within a day, to the same post if it is a reply. */
  readonly hasDuplicate: (post: Omit<StoredPost, 'id'>) => boolean
  /** Of one account, newest first, minted from `fromMs` to `toMs`, both included. */
  readonly listOf: (account: string, from: { fromMs: number; toMs: number }) => StoredPost[]
}

export function openPosts({ now }: { now: () => number }): Posts {
  // Insertion order is order of ids, because ids only rise.
  const byId = new Map<string, StoredPost>()
  const idByContent = new Map<string, string>()
  const mentions = new Set<string>()

  const add = (post: StoredPost): void => {
    byId.set(post.id, post)
    idByContent.set(contentKey(post), post.id)
    if (byId.size <= MAX_POSTS) return
    const [oldest] = byId.keys()
    if (oldest !== undefined) remove(oldest)
  }
  const remove = (id: string): void => {
    const post = byId.get(id)
    if (!post) return
    byId.delete(id)
    mentions.delete(id)
    if (idByContent.get(contentKey(post)) === id) idByContent.delete(contentKey(post))
  }
  const hasDuplicate = (post: Omit<StoredPost, 'id'>): boolean => {
    const id = idByContent.get(contentKey(post))
    return id !== undefined && now() - mintedAtMs(id) < DUPLICATE_WINDOW_MS
  }
  const listOf = (account: string, { fromMs, toMs }: { fromMs: number; toMs: number }) =>
    [...byId.values()]
      .filter((post) => post.account === account)
      .filter(({ id }) => mintedAtMs(id) >= fromMs && mintedAtMs(id) <= toMs)
      .toReversed()

  const find = (id: string): StoredPost | undefined => byId.get(id)
  const addMention = (post: StoredPost): void => {
    add(post)
    mentions.add(post.id)
  }
  const listMentions = (): StoredPost[] =>
    [...mentions]
      .map(find)
      .filter((post) => post !== undefined)
      .toReversed()

  return { add, remove, find, addMention, listMentions, hasDuplicate, listOf }
}

/** The words and whom they answer: the same thanks to two people are two posts. */
function contentKey({ account, request }: Omit<StoredPost, 'id'>): string {
  const media = request.text === undefined ? request.media?.media_ids : undefined
  return JSON.stringify([
    account,
    normalisedText(request.text ?? ''),
    request.reply?.in_reply_to_tweet_id,
    media,
  ])
}
