import { canonicalJson } from '@chimera/contracts/canonical'
import { TOOLS } from '@chimera/contracts/tools'
import type { Classification, Facts, Refusal } from '@chimera/mcp-kit/provider/exchange'
import {
  defineEffectTool,
  type EffectDraft,
  type ServedTool,
} from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { MAX_CANCELS, type ActionAnswer, type OrderName, type VenueAction } from '../venue/venue.ts'
import { mode, orderId, symbol } from './fields.ts'
import { sentenceOf } from './order-plan.ts'
import { scopeOf } from './scope-of.ts'
import type { TradingParts } from './trading-parts.ts'

/** Takes offers back; never opens anything. */
const ANNOTATIONS = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: true,
} as const

const output = {
  ...mode,
  cancelled: z.int().nonnegative().describe('how many orders the venue has taken off the book'),
  not_open: z.int().nonnegative().describe('how many were filled, cancelled or unknown before'),
  simulated: z.boolean(),
}

export function cancelOrder(parts: TradingParts): ServedTool {
  return defineEffectTool({
    name: 'cancel_order',
    title: 'Cancel an order',
    description: 'Cancels one open order by either of its ids. Passes at every kill level.',
    scope: scopeOf(TOOLS.cancel_order.scope, parts.mode),
    annotations: ANNOTATIONS,
    input: { symbol, order_id: orderId },
    output,
    plan: (args) => {
      const { symbol: of, order_id: id } = args
      const name = id.startsWith('0x') ? { symbol: of, cloid: id } : { symbol: of, oid: id }
      return draftCancel(parts, { content: canonicalJson(args), find: async () => [name] })
    },
    describe: describeCancel,
  })
}

export function cancelAll(parts: TradingParts): ServedTool {
  return defineEffectTool({
    name: 'cancel_all',
    title: 'Cancel all open orders',
    description:
      'Cancels every order that is open when the call is made, resting exits and stops included, ' +
      `of one market or of all; at most ${MAX_CANCELS} in one call. Passes at every kill level.`,
    scope: scopeOf(TOOLS.cancel_all.scope, parts.mode),
    annotations: ANNOTATIONS,
    input: { symbol: symbol.optional().describe('only this market; all when absent') },
    output,
    plan: (args) =>
      draftCancel(parts, {
        content: canonicalJson(args),
        find: async () => {
          const open = await parts.venue.openOrders()
          return open
            .filter((order) => args.symbol === undefined || order.symbol === args.symbol)
            .slice(0, MAX_CANCELS)
            .map(({ symbol: of, oid }) => ({ symbol: of, oid }))
        },
      }),
    describe: describeCancel,
  })
}

function draftCancel(
  { venue, ledger, sendTimeoutMs }: TradingParts,
  given: { content: string; find: () => Promise<readonly OrderName[]> },
): EffectDraft {
  let sent: { action: VenueAction; facts: Facts } | undefined
  return {
    content: given.content,
    costUsdMicros: 0n,
    deadlineMs: sendTimeoutMs,
    prepare: async () => {
      const orders = await given.find()
      if (orders.length === 0) return NOTHING_OPEN
      const action = { kind: 'cancel', orders } as const
      const expiresAfterMs = ledger.wall() + sendTimeoutMs
      const prepared = await venue.prepare(action, { expiresAfterMs })
      const facts = { ...prepared.facts, asked: String(orders.length) }
      sent = { action, facts }
      return { ...prepared, facts }
    },
    checkLimits: () => undefined,
    checkWindow: () => undefined,
    classify: (response) =>
      sent === undefined
        ? { outcome: 'unknown', detail: 'Nothing is known of what was sent.' }
        : classifyCancel(venue.classify(sent.action, response), sent.facts),
  }
}

const NOTHING_OPEN: Refusal = { code: 'UPSTREAM_REJECTED', detail: 'No order is open there.' }

/**
 * One that was cancelled makes it happen. The reference is ours: a venue gives cancels no id, and
 * two cancels of one order are two effects.
 */
function classifyCancel(said: ActionAnswer, facts: Facts): Classification {
  if (said.outcome === 'unknown') return said
  if (said.outcome === 'refused') {
    const { code, detail, retryAfterMs } = said
    const refused = { outcome: 'refused', code, detail } as const
    return retryAfterMs === undefined ? refused : { ...refused, retryAfterMs }
  }
  const cancelled = said.orders.filter(({ kind }) => kind === 'cancelled').length
  const nonce = facts['nonce']
  if (cancelled > 0 && nonce !== undefined) {
    const providerRef = `cancel:${nonce}`
    const counts = {
      cancelled: String(cancelled),
      not_open: String(said.orders.length - cancelled),
    }
    return { outcome: 'accepted', providerRef, facts: counts }
  }
  const [error] = said.orders.flatMap((each) => (each.kind === 'error' ? [each] : []))
  return error === undefined
    ? { outcome: 'unknown', detail: 'The venue answered a cancel with something else.' }
    : { outcome: 'refused', code: 'UPSTREAM_REJECTED', detail: sentenceOf(error) }
}

function describeCancel(entry: {
  facts?: Facts | undefined
  isSimulated: boolean
}): Record<string, number | boolean> {
  const { cancelled, not_open: notOpen } = entry.facts ?? {}
  return {
    simulated: entry.isSimulated,
    ...(cancelled === undefined ? {} : { cancelled: Number(cancelled) }),
    ...(notOpen === undefined ? {} : { not_open: Number(notOpen) }),
  }
}
