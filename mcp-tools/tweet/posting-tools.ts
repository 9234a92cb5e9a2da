import { MediaHandle } from '@chimera/contracts/media'
import { TOOLS, TWEET_COST_USD_MICROS } from '@chimera/contracts/tools'
import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import { windowOf } from '@chimera/mcp-kit/protocol/checks'
import type { AccountWindow } from '@chimera/mcp-kit/protocol/effect-tool'
import type { PreparedRequest, Refusal } from '@chimera/mcp-kit/provider/exchange'
import {
  defineEffectTool,
  type EffectDraft,
  type ServedTool,
} from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { isNoImage } from './media-store.ts'
import type { Image, Post } from './network/network.ts'
import { MAX_MEDIA } from './network/post-body.ts'
import { postOfArgs } from './post-of-args.ts'
import { nextPostAtMs, nextReplyAtMs, REPLY_WINDOW, waitUntil } from './tweet-limits.ts'
import type { TweetParts } from './tweet-parts.ts'
import { canonicalText, checkText, MAX_TEXT_UNITS, normalisedText } from './tweet-text.ts'
import { uploadMedia } from './upload-media.ts'

/** What a post may say; the length is X's own measure of it. */
export const postText = z
  .string()
  .min(1)
  .max(MAX_TEXT_UNITS)
  .describe(
    'plain text; at most 280 by the weights of X: Latin letters 1, CJK and emoji 2, any link 23',
  )
/** An id of X. */
export const postId = z.string().regex(/^[0-9]{1,19}$/, 'use the digits of an id of X')

const isAiLabeled = z
  .boolean()
  .optional()
  .describe('whether the post says that AI made it; true when absent')

const posted = {
  tweet_id: z.string().describe('id at the network'),
  url: z.string().describe('where people can read it'),
  made_with_ai: z.boolean().describe('whether it carries the AI label'),
  weighted_length: z.int().describe('length by the weights of X'),
  cost_usd_micros: z.string().describe('price in millionths of a US dollar'),
  next_allowed_at: z.iso.datetime().describe('when the account may do this again'),
  simulated: z.boolean().describe('true when nothing reached the real network'),
}

/**
 * Not destructive, because nothing is overwritten; one slot or key acts once, however often called.
 */
const ANNOTATIONS = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: true,
} as const

/** The tool that posts. */
export function postTweet(parts: TweetParts): ServedTool {
  const next = (window: AccountWindow): number => nextPostAtMs(window, parts.cooldownMs)
  return defineEffectTool({
    name: 'post_tweet',
    title: 'Post a tweet',
    description:
      'Posts one tweet for this account. There is a cooldown of 15 minutes between posts, ' +
      'counted from the last one that was accepted or whose outcome is unknown.',
    scope: TOOLS.post_tweet.scope,
    annotations: ANNOTATIONS,
    input: {
      text: postText,
      media_ids: z
        .array(MediaHandle)
        .max(MAX_MEDIA)
        .optional()
        .describe('images by content, as `chimera media add` names them; never a path or a URL'),
      is_ai_labeled: isAiLabeled,
    },
    output: posted,
    plan: (args) =>
      draftPost(parts, postOfArgs(args), (window) =>
        waitUntil(next(window), window, 'The cooldown of this account runs'),
      ),
    describe: (entry) => describePost(entry, next(windowOf(parts.ledger))),
    intentOf: (args) => contentOf(postOfArgs(args)),
  })
}

/** The tool that answers somebody. */
export function replyTweet(parts: TweetParts): ServedTool {
  return defineEffectTool({
    name: 'reply_tweet',
    title: 'Reply to a tweet',
    description:
      'Posts one reply for this account. Replies have a sliding window of their own: ' +
      `${REPLY_WINDOW.limit} in 15 minutes; the cooldown of posts does not hold them up.`,
    scope: TOOLS.reply_tweet.scope,
    annotations: ANNOTATIONS,
    input: {
      in_reply_to: postId.describe('id of the post that is answered'),
      text: postText,
      is_ai_labeled: isAiLabeled,
    },
    output: posted,
    plan: (args) =>
      draftPost(parts, postOfArgs(args), (window) =>
        waitUntil(nextReplyAtMs(window), window, 'The reply window of this account is full'),
      ),
    describe: (entry) => describePost(entry, nextReplyAtMs(windowOf(parts.ledger))),
    intentOf: (args) => contentOf(postOfArgs(args)),
  })
}

function draftPost(
  parts: TweetParts,
  post: Post,
  checkWindow: EffectDraft['checkWindow'],
): EffectDraft | Refusal {
  const { network, sendTimeoutMs } = parts
  const verdict = checkText(post.text)
  if (!verdict.isValid) return { code: verdict.code, detail: verdict.detail }
  if (canonicalText(post.text) !== post.text.normalize('NFC')) {
    // What is sent has to be what was hashed and approved (design.md section 6).
    const detail = 'The text has blanks around it or CR line ends, which X would not keep.'
    return { code: 'INPUT_INVALID', detail }
  }
  const { plain, withUrl } = TWEET_COST_USD_MICROS
  const words = { ...post, text: canonicalText(post.text), mediaIds: [] }
  const images: Image[] = []
  return {
    content: contentOf(post),
    costUsdMicros: verdict.hasLink ? withUrl : plain,
    // Each upload may take as long as the post.
    deadlineMs: sendTimeoutMs * (1 + post.mediaIds.length),
    prepare: async () => (await readImages(parts, post, images)) ?? preparePost(parts, words),
    ...(post.mediaIds.length === 0
      ? {}
      : { stage: uploadMedia({ network, post: words, images, sendTimeoutMs }) }),
    checkLimits: ({ ai_label_required: isRequired }) =>
      isRequired && !post.isAiLabeled
        ? { code: 'LIMIT_EXCEEDED', detail: 'A post without the AI label was not granted.' }
        : undefined,
    checkWindow,
    classify: network.classify,
  }
}

async function preparePost(
  { network }: TweetParts,
  post: Post,
): Promise<PreparedRequest | Refusal> {
  return (await network.renew()) ?? network.prepare(post)
}

/** What is not there is refused before anything is claimed. */
async function readImages(
  { media }: TweetParts,
  post: Post,
  into: Image[],
): Promise<Refusal | undefined> {
  into.length = 0
  for (const handle of post.mediaIds) {
    const image = await media.read(handle)
    if (isNoImage(image)) return image
    into.push(image)
  }
  return undefined
}

function describePost(entry: Entry, nextAtMs: number) {
  const post = entry.args === undefined ? undefined : postOfArgs(JSON.parse(entry.args))
  const verdict = post && checkText(post.text)
  return {
    simulated: entry.isSimulated,
    next_allowed_at: new Date(nextAtMs).toISOString(),
    ...(entry.providerRef === undefined ? {} : { tweet_id: entry.providerRef }),
    ...(entry.url === undefined ? {} : { url: entry.url }),
    ...(entry.costUsdMicros === undefined ? {} : { cost_usd_micros: entry.costUsdMicros }),
    ...(post === undefined ? {} : { made_with_ai: post.isAiLabeled }),
    ...(verdict === undefined ? {} : { weighted_length: verdict.weightedLength }),
  }
}

/**
 * Equal for posts that a reader of the timeline could not tell apart; a day's calls without an
 * idempotency key that say the same are the same (design.md section 5).
 */
function contentOf(post: Post): string {
  return JSON.stringify([normalisedText(post.text), post.mediaIds, post.replyTo ?? null])
}
