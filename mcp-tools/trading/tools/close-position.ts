import { canonicalJson } from '@chimera/contracts/canonical'
import { TOOLS } from '@chimera/contracts/tools'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'
import { defineEffectTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { formatDecimal, MICROS, parseDecimal } from '../decimal/decimal.ts'
import { SIZE_SCALE } from './account-snapshot.ts'
import { madeOrder, size, symbol, worstPrice } from './fields.ts'
import { describeOrder, draftOrder, type WantedOrder } from './order-plan.ts'
import { scopeOf } from './scope-of.ts'
import type { TradingParts } from './trading-parts.ts'

/** An exit: it can only make a position smaller. */
const ANNOTATIONS = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: true,
} as const

export function closePosition(parts: TradingParts): ServedTool {
  return defineEffectTool({
    name: 'close_position',
    title: 'Close a position',
    description:
      'Closes all of a position or a part of it, at once and reduce-only, at no worse than the ' +
      'price given. Passes at kill levels 0 to 4. What the book does not take stays open.',
    scope: scopeOf(TOOLS.close_position.scope, parts.mode),
    annotations: ANNOTATIONS,
    input: {
      symbol,
      size: z.union([z.literal('all'), size]).describe('all, or how many coins of it'),
      price: worstPrice,
    },
    output: madeOrder,
    plan: (args) =>
      draftOrder(parts, {
        symbol: args.symbol,
        isExit: true,
        content: canonicalJson(args),
        costMicros: 0n,
        resolve: async () => exitOf(parts, args),
      }),
    describe: (entry) =>
      describeOrder(entry, entry.args === undefined ? {} : Asked.parse(JSON.parse(entry.args))),
  })
}

const Asked = z.object({ symbol: z.string(), price: z.string() })

async function exitOf(
  { venue }: TradingParts,
  args: Readonly<{ symbol: string; size: string; price: string }>,
): Promise<WantedOrder | Refusal> {
  const { positions } = await venue.account()
  const held = positions.find(({ symbol: of }) => of === args.symbol)
  if (held === undefined) {
    return { code: 'UPSTREAM_REJECTED', detail: `There is no position in ${args.symbol}.` }
  }
  const isLong = !held.size.startsWith('-')
  const all = held.size.replace(/^-/u, '')
  const price = parseDecimal(args.price, MICROS)
  const wanted = parseDecimal(args.size === 'all' ? all : args.size, SIZE_SCALE)
  return {
    symbol: args.symbol,
    side: isLong ? 'sell' : 'buy',
    size: wanted === undefined ? args.size : formatDecimal(wanted, SIZE_SCALE),
    price: price === undefined ? args.price : formatDecimal(price, MICROS),
    tif: 'ioc',
    reduceOnly: true,
  }
}
