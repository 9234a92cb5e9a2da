import { setTimeout as sleep } from 'node:timers/promises'

import type { SimulatedRequest } from '@chimera/contracts/observable'
import { cloidOf } from '@chimera/mcp-trading/venue/cloid'
import { expect } from 'vitest'
import { z } from 'zod'

import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'
import { TradingRig } from './trading-rig.ts'

const SEED = 11
/** One is lost to the fault, and a loaded machine may be late for one or two more. */
const MAX_ROUNDS = 5
/** The share of orders during which the server dies. */
const KILLED = 0.15
const BUY = {
  symbol: 'BTC',
  side: 'buy',
  size: '0.001',
  price: '50500',
  tif: 'ioc',
  reduce_only: false,
} as const
type Order = Omit<typeof BUY, 'side' | 'price'> & { side: 'buy' | 'sell'; price: string }
/** In turns, so that the position stays below its limit. */
const SIDES: readonly Order[] = [BUY, { ...BUY, side: 'sell', price: '49500' }]
/** What may go wrong with one order; nothing goes wrong with two of these. */
const FAULTS = [
  'cut',
  'hang',
  '5xx_after',
  '5xx',
  'reset_before',
  'timeout_before',
  'late',
  'reject_inside',
  'err',
  'partial_fill',
  'none',
  'none',
] as const

const Body = z.object({ action: z.object({ orders: z.array(z.object({ c: z.string() })) }) })
const cloidsOf = (line: SimulatedRequest): string[] =>
  Body.parse(line.body).action.orders.map(({ c }) => c)

/**
 * Orders of which any may be lost on its way there or back, on nodes that lag behind, by a server
 * that may die in the middle: in the end the ledger's word on each is what the exchange's own
 * record says, by cloid.
 */
async function tradeThroughFaults(
  { n, random }: { n: number; random: Random },
  composed?: readonly string[],
): Promise<void> {
  await using rig = new TradingRig()
  await rig.startExchange()
  // What the exchange would catch by itself is not what is tried here.
  await rig.tell({ duplicate_check: false })
  await rig.startTool(composed === undefined ? {} : { composed })
  for (let each = 0; each < n; each += 1) {
    const lagMs = random.fraction() < 0.2 ? 600 : 0
    await rig.tell({ fault: 'none', timeline_delay_ms: lagMs })
    const fault = random.pick(FAULTS)
    // Short of the expiry of some, beyond that of others.
    await rig.tell({ fault, delay_ms: random.integer(0, 1_500) })
    const killAfterMs = random.fraction() < KILLED ? random.integer(0, 60) : undefined
    await carryToItsEnd(rig, { order: SIDES[each % 2] ?? BUY, killAfterMs })
  }
  await rig.tell({ fault: 'none', timeline_delay_ms: 0 })
}

/** One slot, round after round until it is done, or refused for good. */
async function carryToItsEnd(
  rig: TradingRig,
  { order, killAfterMs }: { order: Order; killAfterMs: number | undefined },
): Promise<void> {
  const first = rig.claims({ tool: 'place_order', args: order })
  const cloids: string[] = []
  const ends: string[] = []
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const closed = Array.from({ length: round - 1 }, (_, index) => index + 1)
    const again = rig.claims({ tool: 'place_order', args: order, goal: first.goal })
    const claims = round === 1 ? first : { ...again, round, closed_rounds: closed }
    const cloid = cloidOf({ effectKey: claims.effect_key, round })
    cloids.push(cloid)
    const called = rig.call(claims, order).catch(() => undefined)
    if (killAfterMs !== undefined && round === 1) {
      await sleep(killAfterMs)
      await rig.tool.kill()
      await called
      await rig.startTool()
    }
    await called
    const { state, code = '' } = await rig.endOf(claims, order)
    ends.push(`${state} ${code}`)
    const taken = rig.taken().flatMap(cloidsOf)
    const times = taken.filter((name) => name === cloid).length
    expect(times, `orders of a round that is ${state}`).toBe(state === 'CONFIRMED' ? 1 : 0)
    if (state === 'CONFIRMED') break
  }
  const all = rig.taken().flatMap(cloidsOf)
  expect(
    all.filter((name) => cloids.includes(name)).length,
    `orders of one slot: ${ends.join(', ')}`,
  ).toBe(1)
}

guarantee(
  {
    id: 'trading-faults-honest',
    title: 'whatever is lost between server and exchange, an order is done once and said so',
    n: sampleSize({ ci: 10, full: 400 }),
    seed: SEED,
    timeoutMs: 900_000,
  },
  tradeThroughFaults,
)

/** Answers one and the other, in turns. */
function flipFlop(one: number, other: number): () => number {
  let turn = 0
  return () => {
    turn += 1
    return turn % 2 === 1 ? one : other
  }
}

function firstOf<T>(list: readonly T[]): T {
  const [first] = list
  if (first === undefined) throw new Error('The list is empty.')
  return first
}

/** An exchange that does not show it yet is believed, and the next round orders again. */
control(
  {
    guard: 'absence by the clock of the exchange',
    test: 'trading-faults-honest',
    expect: /orders of a round that is NOT_HAPPENED/s,
  },
  async () => {
    // A node that lags, an answer that is cut, and a server that lives.
    const fraction = flipFlop(0, 1)
    const random: Random = { ...seeded(SEED), fraction, pick: firstOf }
    await tradeThroughFaults({ n: 1, random }, ['without=provider-clock'])
  },
)
