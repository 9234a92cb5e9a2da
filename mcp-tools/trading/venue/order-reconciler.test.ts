import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look } from '@chimera/mcp-kit/protocol/reconcile'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { ExchangeRig } from '../simulated-exchange/testing/exchange-rig.ts'
import { cloidOf } from './cloid.ts'
import { orderReconciler } from './order-reconciler.ts'
import type { OrderRequest, VenueAction } from './venue.ts'

const rig = new ExchangeRig()
beforeAll(async () => {
  await rig.open()
  await rig.control({ prices: { BTC: '50000' } })
})
beforeEach(async () => {
  rig.aheadMs += 10_000
  await rig.control({ fault: 'none', timeline_delay_ms: 0, clock_skew_ms: 0 })
})
afterAll(async () => rig[Symbol.asyncDispose]())

let keys = 0
const nextKey = (): string => (keys += 1).toString(16).padStart(64, '0')

/** An unknown effect as the ledger has it; `sent` undefined: it knows the name alone. */
function entry(effectKey: string, tool: string, sent?: Buffer, expires?: number): Entry {
  const nowMs = rig.now()
  return {
    effectKey,
    round: 1,
    grantId: effectKey,
    argsHash: '',
    account: 'a',
    tool,
    mode: 'paper',
    scope: {},
    boot: '',
    incarnation: '',
    state: 'UNKNOWN',
    code: undefined,
    detail: undefined,
    isSimulated: true,
    args: '{}',
    content: '',
    sendMethod: 'POST',
    sendUrl: rig.url,
    sendBody: sent === undefined ? undefined : new Uint8Array(sent),
    deadlineMs: 400,
    costUsdMicros: undefined,
    claimedMs: sent === undefined ? undefined : nowMs,
    claimedWallMs: sent === undefined ? undefined : nowMs,
    leftByMs: undefined,
    settledMs: expires === undefined ? nowMs : expires,
    providerRef: undefined,
    url: undefined,
    retryAfterMs: undefined,
    unseenLooks: 0,
    unseenMs: undefined,
    adoptedMs: undefined,
    facts: {},
    isPending: false,
    seq: 1,
  }
}

/** Claims and sends an effect whose outcome the fault hides. */
async function lose(tool: string, actionOf: (cloid: string) => VenueAction): Promise<Entry> {
  const effectKey = nextKey()
  const action = actionOf(cloidOf({ effectKey, round: 1 }))
  const expiresAfterMs = rig.now() + 400
  const { body } = await rig.venue.prepare(action, { expiresAfterMs })
  const lost = entry(effectKey, tool, body)
  const headers = { 'content-type': 'application/json' }
  await fetch(`${rig.url}/exchange`, { method: 'POST', body, headers }).catch(() => undefined)
  return lost
}
const lostOrder = async (wish: Partial<OrderRequest> = {}): Promise<Entry> =>
  lose('place_order', (cloid) => ({ kind: 'place', order: rig.order({ ...wish, cloid }) }))

async function look(lost: Entry): Promise<Look> {
  return orderReconciler(rig.venue).look(lost, {
    rivals: () => [],
    isBound: () => false,
    note: () => undefined,
    signal: new AbortController().signal,
  })
}
/** Past the expiry, and past the margin of this rig behind it. */
const later = (): number => (rig.aheadMs += 1_000)

test('an order whose answer was lost is found by its cloid, with what it took', async () => {
  await rig.control({ fault: 'cut' })
  const found = await look(await lostOrder())
  expect(found).toMatchObject({ kind: 'found', costUsdMicros: 50_005_000n })
  expect(found).toMatchObject({ facts: { state: 'filled', average_price: '50005' } })
})

test('one that is filled in part costs its part, and a resting one its whole', async () => {
  await rig.control({ fault: 'partial_fill', percent: 40 })
  const part = await look(await lostOrder({ size: '0.01' }))
  expect(part).toMatchObject({ kind: 'found', costUsdMicros: 200_020_000n })
  const resting = await look(await lostOrder({ tif: 'gtc', price: '45000' }))
  expect(resting).toMatchObject({ kind: 'found', facts: { state: 'resting' } })
  expect(resting).not.toHaveProperty('costUsdMicros')
})

test('one that never arrived is unseen, but only after its expiry and the margin', async () => {
  await rig.control({ fault: 'reset_before' })
  const lost = await lostOrder()
  expect(await look(lost)).toMatchObject({ kind: 'not_yet' })
  later()
  expect(await look(lost)).toEqual({ kind: 'unseen' })
})

test('a node whose clock has not passed the expiry proves nothing', async () => {
  const lost = await lostOrder()
  later()
  await rig.control({ timeline_delay_ms: 60_000 })
  expect(await look(lost)).toMatchObject({ kind: 'not_yet' })
  await rig.control({ timeline_delay_ms: 0 })
  expect(await look(lost)).toMatchObject({ kind: 'found' })
})

test('one that the exchange rejected can never happen any more', async () => {
  const lost = await lostOrder({ price: '45000' })
  expect(await look(lost)).toEqual({ kind: 'absent' })
})

test('an order of which the ledger knows the name alone is looked up all the same', async () => {
  const { effectKey } = await lostOrder()
  expect(await look(entry(effectKey, 'place_order'))).toMatchObject({ kind: 'found' })
  const never = entry(nextKey(), 'close_position')
  expect(await look(never)).toMatchObject({ kind: 'not_yet' })
  rig.aheadMs += 61_000
  expect(await look(never)).toEqual({ kind: 'unseen' })
})

test('a cancel whose answer was lost shows on its order', async () => {
  const resting = cloidOf(await lostOrder({ tif: 'gtc', price: '45000' }))
  const cancel = { kind: 'cancel', orders: [{ symbol: 'BTC', cloid: resting }] } as const
  await rig.control({ fault: 'reset_before' })
  const never = await lose('cancel_order', () => cancel)
  expect(await look(never)).toMatchObject({ kind: 'not_yet' })
  later()
  expect(await look(never)).toEqual({ kind: 'unseen' })
  await rig.control({ fault: 'cut' })
  const done = await lose('cancel_order', () => cancel)
  expect(await look(done)).toMatchObject({ kind: 'found' })
  // One that came when nothing was open any more has done nothing.
  rig.aheadMs += 10_000
  const late = await lose('cancel_order', () => cancel)
  later()
  expect(await look(late)).toEqual({ kind: 'unseen' })
})

test('an exchange that does not answer, or limits, is asked again later', async () => {
  const lost = await lostOrder()
  await rig.control({ fault: '5xx', on: 'info' })
  expect(await look(lost)).toEqual({ kind: 'not_yet' })
  await rig.control({ fault: '429', on: 'info' })
  expect(await look(lost)).toMatchObject({ kind: 'not_yet', inMs: 10_000 })
})

test('an order that no ledger knows is found by slot and round, a cancel is not', async () => {
  const { effectKey, round, mode } = await lostOrder()
  const { lookByHandle } = orderReconciler(rig.venue)
  const ask = async (of: { tool: string; round: number }) =>
    lookByHandle?.({ effectKey, mode, ...of }, { signal: new AbortController().signal })
  expect(await ask({ tool: 'place_order', round })).toMatchObject({ kind: 'found' })
  expect(await ask({ tool: 'place_order', round: round + 1 })).toEqual({ kind: 'unseen' })
  expect(await ask({ tool: 'cancel_order', round })).toBeUndefined()
})
