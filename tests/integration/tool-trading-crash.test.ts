import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { newId } from '@chimera/contracts/ids'
import { expect } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { TradingRig } from './trading-rig.ts'

const LABELS = CRASH_POINTS.filter((label) => label.startsWith('tool.'))
/** States after which the record may grant the next round. */
const CLOSED = new Set(['VOID', 'NOT_SENT', 'NOT_HAPPENED', 'REFUSED'])

const BUY = {
  symbol: 'BTC',
  side: 'buy',
  size: '0.001',
  price: '50500',
  tif: 'ioc',
  reduce_only: false,
}
const REST = { ...BUY, price: '45000', tif: 'gtc' }
const CLOSE = { symbol: 'BTC', size: 'all', price: '49500' }
/** Of a fresh exchange: what was placed first has the id 1. */
const CANCEL = { symbol: 'BTC', order_id: '1' }
const ACTS = [
  { tool: 'place_order', args: BUY, type: 'order', before: [] },
  { tool: 'close_position', args: CLOSE, type: 'order', before: [BUY] },
  { tool: 'cancel_order', args: CANCEL, type: 'cancel', before: [REST] },
  { tool: 'cancel_all', args: {}, type: 'cancel', before: [REST] },
] as const

/**
 * Kills the server at a point of the path, starts it again, and does what the record does: carries
 * the grant again, asks for its end, and grants the next round once this one is closed without
 * effect. The exchange takes every nonce and cloid as often as it comes, so that a double shows.
 */
async function killAt(
  label: CrashPoint,
  act: (typeof ACTS)[number],
  composed?: readonly string[],
): Promise<void> {
  await using rig = new TradingRig()
  await rig.startExchange()
  await rig.tell({ duplicate_check: false })
  const parts = composed === undefined ? {} : { composed }
  if (act.before.length > 0) await rig.startTool(parts)
  for (const args of act.before) {
    const claims = rig.claims({ tool: 'place_order', args })
    expect((await rig.call(claims, args)).status).toBe('CONFIRMED')
  }
  const before = rig.taken(act.type).length
  if (act.before.length > 0) await rig.tool.kill()
  await rig.startTool({ env: { CHIMERA_CRASH_AT: label }, ...parts })
  const { tool, args } = act
  const claims = rig.claims({ tool, args })
  const died = rig.tool.exited
  await rig.call(claims, args).catch(() => undefined)
  expect(await died).toMatchObject({ signal: 'SIGKILL' })
  expect(readFileSync(join(rig.folder, 'state', 'crash-points.jsonl'), 'utf8')).toContain(label)
  await rig.startTool(parts)
  const outcome = await rig.endOf(claims, args)
  expect([...CLOSED, 'CONFIRMED']).toContain(outcome.state)
  if (outcome.state !== 'CONFIRMED') {
    const next = { ...rig.claims({ tool, args, goal: claims.goal }), round: 2, closed_rounds: [1] }
    expect((await rig.call(next, args)).status).toBe('CONFIRMED')
  } else if (act.type === 'order') {
    expect(outcome.provider_ref).toBe(rig.taken(act.type).at(-1)?.id)
  }
  expect(rig.taken(act.type), `${act.type}s after a kill at ${label}`).toHaveLength(before + 1)
  expect(await rig.placesOfTheKey()).toEqual([])
}

const all = ACTS.flatMap((act) => LABELS.map((label) => ({ act, label })))
/** An order around its claim and its send; the rest is the full run's. */
const around = all.filter(
  ({ act, label }) => act === ACTS[0] && /claim.committed|send.sent|send.answered/u.test(label),
)
const n = sampleSize({ ci: around.length, full: all.length })
const kills = n === all.length ? all : around

guarantee(
  {
    id: 'trading-crash-once',
    title: 'a trading server that is killed at any point orders once',
    n,
    seed: 5,
    timeoutMs: 300_000,
  },
  async () => {
    for (const { act, label } of kills) await killAt(label, act)
  },
)

/**
 * The same kill with nothing written down before the act, and nobody asked for an order of that
 * name: the record cannot know, and grants again.
 */
control(
  {
    guard: 'the claim before the order, and the look for it by its name',
    test: 'trading-crash-once',
    expect: /orders after a kill at tool.send.sent.*but got 2/s,
  },
  async () => killAt('tool.send.sent', ACTS[0], ['without=claim,handle', `run=${newId()}`]),
)
