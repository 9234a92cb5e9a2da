import { TOOLS, TWEET_COST_USD_MICROS } from '@chimera/contracts/tools'
import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { windowOf } from '@chimera/mcp-kit/protocol/checks'
import type { AccountWindow } from '@chimera/mcp-kit/protocol/effect-tool'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'
import {
  defineEffectTool,
  defineReadTool,
  type EffectDraft,
  type ServedTool,
} from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import type { Network, Post } from './network/network.ts'
import { postOfArgs } from './post-of-args.ts'
import { nextPostAtMs, nextReplyAtMs, REPLY_WINDOW, waitUntil } from './tweet-limits.ts'
import { canonicalText, checkText, MAX_TEXT_UNITS, normalisedText } from './tweet-text.ts'

const text = z
  .string()
  .min(1)
  .max(MAX_TEXT_UNITS)
  .describe(
    'plain text; at most 280 by the weights of X: Latin letters 1, CJK and emoji 2, any link 23',
  )
const isAiLabeled = z
  .boolean()
  .optional()
  .describe('whether the post says that AI made it; true when absent')
const snowflake = z.string().regex(/^[0-9]{1,19}$/, 'use the digits of an id of X')

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

/** What the tweet tools stand on. */
export type TweetParts = Readonly<{
  network: Network
  ledger: Ledger
  cooldownMs: number
  /** Deadline of one send. */
  sendTimeoutMs: number
}>

/** The tools of one account; their definitions do not depend on the back end. */
export function tweetTools(parts: TweetParts): readonly ServedTool[] {
  return [postTweet(parts), replyTweet(parts), getCooldown(parts)]
}

function postTweet(parts: TweetParts): ServedTool {
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
      text,
      media_ids: z.array(snowflake).max(4).optional().describe('media that X already holds'),
      is_ai_labeled: isAiLabeled,
    },
    output: posted,
    plan: (args) =>
      draftPost(parts, postOfArgs(args), (window) =>
        waitUntil(next(window), window, 'The cooldown of this account runs'),
      ),
    describe: (entry) => describePost(entry, next(windowOf(parts.ledger))),
    intentOf: (args) => intentOf(postOfArgs(args)),
  })
}

function replyTweet(parts: TweetParts): ServedTool {
  return defineEffectTool({
    name: 'reply_tweet',
    title: 'Reply to a tweet',
    description:
      'Posts one reply for this account. Replies have a sliding window of their own: ' +
      `${REPLY_WINDOW.limit} in 15 minutes; the cooldown of posts does not hold them up.`,
    scope: TOOLS.reply_tweet.scope,
    annotations: ANNOTATIONS,
    input: {
      in_reply_to: snowflake.describe('id of the post that is answered'),
      text,
      is_ai_labeled: isAiLabeled,
    },
    output: posted,
    plan: (args) =>
      draftPost(parts, postOfArgs(args), (window) =>
        waitUntil(nextReplyAtMs(window), window, 'The reply window of this account is full'),
      ),
    describe: (entry) => describePost(entry, nextReplyAtMs(windowOf(parts.ledger))),
    intentOf: (args) => intentOf(postOfArgs(args)),
  })
}

function getCooldown({ ledger, cooldownMs }: TweetParts): ServedTool {
  return defineReadTool({
    name: 'get_cooldown',
    title: 'When the account may post',
    description: 'Says when this account may post and reply again. Reads only the own ledger.',
    scope: TOOLS.get_cooldown.scope,
    input: {},
    output: {
      next_post_at: z.iso.datetime(),
      post_wait_ms: z.int().nonnegative(),
      next_reply_at: z.iso.datetime(),
      reply_wait_ms: z.int().nonnegative(),
    },
    read: async () => {
      const window = windowOf(ledger)
      const post = Math.max(nextPostAtMs(window, cooldownMs), window.nowMs)
      const reply = Math.max(nextReplyAtMs(window), window.nowMs)
      return {
        next_post_at: new Date(post).toISOString(),
        post_wait_ms: post - window.nowMs,
        next_reply_at: new Date(reply).toISOString(),
        reply_wait_ms: reply - window.nowMs,
      }
    },
  })
}

function draftPost(
  { network, sendTimeoutMs }: TweetParts,
  post: Post,
  checkWindow: EffectDraft['checkWindow'],
): EffectDraft | Refusal {
  const verdict = checkText(post.text)
  if (!verdict.isValid) return { code: verdict.code, detail: verdict.detail }
  if (canonicalText(post.text) !== post.text.normalize('NFC')) {
    // What is sent has to be what was hashed and approved (design.md section 6).
    const detail = 'The text has blanks around it or CR line ends, which X would not keep.'
    return { code: 'INPUT_INVALID', detail }
  }
  const { plain, withUrl } = TWEET_COST_USD_MICROS
  return {
    content: contentOf(post),
    costUsdMicros: verdict.hasLink ? withUrl : plain,
    deadlineMs: sendTimeoutMs,
    prepare: () => network.prepare({ ...post, text: canonicalText(post.text) }),
    checkLimits: ({ ai_label_required: isRequired }) =>
      isRequired && !post.isAiLabeled
        ? { code: 'LIMIT_EXCEEDED', detail: 'A post without the AI label was not granted.' }
        : undefined,
    checkWindow,
    classify: network.classify,
  }
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

/** Equal for posts that a reader of the timeline could not tell apart. */
function contentOf(post: Post): string {
  return JSON.stringify([normalisedText(post.text), post.mediaIds, post.replyTo ?? null])
}

/**
 * A day's call without an idempotency key is the same when it says the same (design.md section 5).
 */
function intentOf(post: Post): string {
  return contentOf(post)
}
