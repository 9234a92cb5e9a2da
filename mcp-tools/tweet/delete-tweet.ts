import { TOOLS, TWEET_COST_USD_MICROS } from '@chimera/contracts/tools'
import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import { windowOf } from '@chimera/mcp-kit/protocol/checks'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'
import {
  defineEffectTool,
  type EffectDraft,
  type ServedTool,
} from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { removalOf } from './network/classify-answer.ts'
import { postId } from './posting-tools.ts'
import { DELETE_WINDOW, nextDeleteAtMs, waitUntil } from './tweet-limits.ts'
import type { TweetParts } from './tweet-parts.ts'

const Args = z.object({ tweet_id: z.string() })

/** Which post a claim was to delete. */
export const targetOf = (args: string): string => Args.parse(JSON.parse(args)).tweet_id

/**
 * The tool that takes a post back. It knows the posts of its ledger and no others: what people of
 * the account wrote by hand is not its to delete.
 */
export function deleteTweet(parts: TweetParts): ServedTool {
  const { network, ledger } = parts
  return defineEffectTool({
    name: 'delete_tweet',
    title: 'Delete a tweet',
    description:
      'Deletes one post or reply that this account made through this server; no other. It cannot ' +
      `be undone. At most ${DELETE_WINDOW.limit} in 15 minutes.`,
    scope: TOOLS.delete_tweet.scope,
    annotations: {
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: true,
    },
    input: { tweet_id: postId.describe('id of the post, as post_tweet answered it') },
    output: {
      tweet_id: z.string().describe('id of the post'),
      deleted: z.boolean().describe('whether it is gone'),
      cost_usd_micros: z.string().describe('price in millionths of a US dollar, at most'),
      next_allowed_at: z.iso.datetime().describe('when the account may do this again'),
      simulated: z.boolean().describe('true when nothing reached the real network'),
    },
    plan: ({ tweet_id: id }): EffectDraft => ({
      content: JSON.stringify(['delete', id]),
      costUsdMicros: TWEET_COST_USD_MICROS.removal,
      deadlineMs: parts.sendTimeoutMs,
      prepare: async () => (await network.renew()) ?? network.prepareRemoval(id),
      checkLimits: () => undefined,
      // In the claim's transaction: of two calls at once the second meets the first.
      checkWindow: (window) =>
        objectionTo(id, parts) ??
        waitUntil(nextDeleteAtMs(window), window, 'The account has deleted much'),
      classify: (response) => network.classifyRemoval(response, id),
    }),
    describe: (entry) => describeRemoval(entry, nextDeleteAtMs(windowOf(ledger))),
    intentOf: ({ tweet_id: id }) => JSON.stringify(['delete', id]),
  })
}

function objectionTo(id: string, { ledger }: TweetParts): Refusal | undefined {
  const { entries, account } = ledger
  const post = entries.byProviderRef(account, id)
  if (post?.state !== 'CONFIRMED') {
    const detail = `This server has made no post ${id}; it deletes its own only.`
    return { code: 'TARGET_UNKNOWN', detail }
  }
  if (entries.byProviderRef(account, removalOf(id)) !== undefined) {
    return { code: 'TARGET_UNKNOWN', detail: `The post ${id} has been deleted already.` }
  }
  const content = JSON.stringify(['delete', id])
  const isOpen = entries.rivalsOf('').some((entry) => entry.content === content)
  if (!isOpen) return undefined
  const detail = `Another call is deleting the post ${id}, or may have.`
  return { code: 'IN_PROGRESS', detail, retryAfterMs: 1_000 }
}

function describeRemoval(entry: Entry, nextAtMs: number) {
  return {
    simulated: entry.isSimulated,
    next_allowed_at: new Date(nextAtMs).toISOString(),
    ...(entry.args === undefined ? {} : { tweet_id: targetOf(entry.args) }),
    ...(entry.costUsdMicros === undefined ? {} : { cost_usd_micros: entry.costUsdMicros }),
    ...(entry.state === 'CONFIRMED' && entry.mode !== 'dry' ? { deleted: true } : {}),
  }
}
