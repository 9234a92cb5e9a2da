import { canonicalJson } from '@chimera/contracts/canonical'
import { TOOLS } from '@chimera/contracts/tools'
import { defineEffectTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { formatDecimal, MICROS, parseDecimal } from '../decimal/decimal.ts'
import { microsOf, notionalOf, SIZE_SCALE } from './account-snapshot.ts'
import { madeOrder, side, size, symbol, tif, trigger, worstPrice } from './fields.ts'
import { describeOrder, draftOrder } from './order-plan.ts'
import { scopeOf } from './scope-of.ts'
import type { TradingParts } from './trading-parts.ts'

/** Takes or adds liquidity with money; one slot or key acts once, however often called. */
const ANNOTATIONS = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: true,
} as const

export function placeOrder(parts: TradingParts): ServedTool {
  return defineEffectTool({
    name: 'place_order',
    title: 'Place an order',
    description:
      'Places one order. There is no market order: use tif ioc with the worst price that is ' +
      'taken. Price and size have to be legal in the market as they are, nothing is rounded. ' +
      'Limits: 15 % of the equity in one market, 3x in all, a list of symbols, the kill level.',
    scope: scopeOf(TOOLS.place_order.scope, parts.mode),
    annotations: ANNOTATIONS,
    input: {
      symbol,
      side,
      size,
      price: worstPrice,
      tif,
      reduce_only: z.boolean().describe('true: only ever makes a position smaller'),
      trigger: trigger.optional(),
    },
    output: madeOrder,
    plan: (args) => {
      if (args.trigger !== undefined && args.tif !== 'ioc') {
        return { code: 'INPUT_INVALID', detail: 'trigger: an order that waits needs tif ioc.' }
      }
      const opens = notionalOf(args.size, microsOf(args.price))
      return draftOrder(parts, {
        symbol: args.symbol,
        isExit: args.reduce_only,
        content: canonicalJson(args),
        costMicros: args.reduce_only ? 0n : opens,
        resolve: () => ({
          symbol: args.symbol,
          side: args.side,
          size: shortest(args.size, SIZE_SCALE),
          price: shortest(args.price, MICROS),
          tif: args.tif,
          reduceOnly: args.reduce_only,
          ...(args.trigger === undefined
            ? {}
            : { trigger: { ...args.trigger, price: shortest(args.trigger.price, MICROS) } }),
        }),
      })
    },
    describe: (entry) =>
      describeOrder(entry, entry.args === undefined ? {} : Asked.parse(JSON.parse(entry.args))),
  })
}

const Asked = z.object({ symbol: z.string(), price: z.string() })

/** The same number without zeros that say nothing; too fine a text stays for the rules to name. */
function shortest(text: string, scale: number): string {
  const value = parseDecimal(text, scale)
  return value === undefined ? text : formatDecimal(value, scale)
}
