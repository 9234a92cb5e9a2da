import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import type { ExchangeControl } from './faults.ts'
import { ExchangeRig } from './testing/exchange-rig.ts'

const rig = new ExchangeRig()
beforeAll(async () => rig.open())
beforeEach(async () =>
  rig.control({
    fault: 'none',
    prices: { BTC: '50000' },
    depth: { BTC: '1000000' },
    clock_skew_ms: 0,
    timeline_delay_ms: 0,
    stale_mids: false,
    shuffled_fills: false,
    weight_limit: 1_000_000,
  }),
)
afterAll(async () => rig[Symbol.asyncDispose]())

/** Whether the order of this cloid came to be, by the exchange itself. */
const happened = async (cloid: string): Promise<boolean> =>
  (await rig.venue.findOrder({ cloid })).kind === 'found'

test.each<[ExchangeControl['fault'], string, boolean, string | null]>([
  ['cut', 'unknown', true, 'cut'],
  ['hang', 'unknown', true, 'hung'],
  ['5xx_after', 'answered', true, 'accepted'],
  ['reset_before', 'unknown', false, 'refused'],
  ['timeout_before', 'unknown', false, 'refused'],
  ['5xx', 'answered', false, 'refused'],
  ['429', 'answered', false, 'refused'],
])('%s: the send is %s, and that it happened is %s', async (fault, outcome, isDone, recorded) => {
  await rig.control({ fault })
  const cloid = rig.cloid()
  const sent = await rig.place({ cloid })
  expect(sent.outcome.kind).toBe(outcome)
  // Nobody may take any of these for a refusal but the 429, which is one.
  if (sent.answer !== undefined) {
    expect(sent.answer.outcome).toBe(fault === '429' ? 'refused' : 'unknown')
  }
  expect(await happened(cloid)).toBe(isDone)
  expect(rig.record().at(-1)?.outcome).toBe(recorded)
})

test('an error inside of ok is a refusal, and one on top in unheard words is not', async () => {
  await rig.control({ fault: 'reject_inside' })
  const inside = await rig.place()
  expect(inside.answer).toMatchObject({ orders: [{ kind: 'error', error: 'margin' }] })
  await rig.control({ fault: 'err', words: 'The moon is full.' })
  expect((await rig.place()).answer).toMatchObject({ outcome: 'unknown' })
  await rig.control({ fault: 'err', words: 'Insufficient margin to place order.' })
  expect((await rig.place()).answer).toMatchObject({ outcome: 'refused', error: 'margin' })
  await rig.control({ fault: '403_duplicate' })
  expect((await rig.place()).answer).toMatchObject({ outcome: 'unknown' })
})

test('a part is filled, and the rest rests or is given up', async () => {
  await rig.control({ fault: 'partial_fill', percent: 30, times: 2 })
  const [resting, given] = [rig.cloid(), rig.cloid()]
  const sent = await rig.place({ cloid: resting, tif: 'gtc', size: '0.01' })
  expect(sent.answer).toMatchObject({ orders: [{ kind: 'filled', size: '0.003' }] })
  // The market still stands there when somebody looks again, and gives the rest.
  expect(await rig.venue.findOrder({ cloid: resting })).toMatchObject({ order: { remaining: '0' } })
  const fills = (await rig.venue.fills({ sinceMs: 0 })).filter(({ cloid }) => cloid === resting)
  expect(fills.map(({ size }) => size)).toEqual(['0.003', '0.007'])
  await rig.place({ cloid: given, size: '0.01' })
  expect(await rig.venue.findOrder({ cloid: given })).toMatchObject({
    order: { state: 'cancelled', remaining: '0.007' },
  })
})

test('a shallow book fills a part as well', async () => {
  await rig.control({ depth: { BTC: '0.001' } })
  const sent = await rig.place({ size: '0.1' })
  expect(sent.answer).toMatchObject({ orders: [{ kind: 'filled', size: '0.005' }] })
})

test('fills that come twice and in no order are each told once, the oldest first', async () => {
  for (let each = 0; each < 5; each += 1) await rig.place()
  const before = await rig.venue.fills({ sinceMs: 0 })
  await rig.control({ shuffled_fills: true })
  const raw = await rig.post('/info', { type: 'userFills', user: rig.account })
  expect(await raw.json()).toHaveLength(2 * before.length)
  expect(await rig.venue.fills({ sinceMs: 0 })).toEqual(before)
})

test('a request that comes late has died of its expiry', async () => {
  const cloid = rig.cloid()
  await rig.control({ fault: 'late', delay_ms: 2_300 })
  expect((await rig.place({ cloid })).outcome.kind).toBe('unknown')
  await expect.poll(() => rig.record().at(-1)?.outcome, { timeout: 5_000 }).toBe('refused')
  expect(await happened(cloid)).toBe(false)
})

test('a node that lags says so, and does not know an order yet', async () => {
  await rig.control({ timeline_delay_ms: 60_000 })
  const cloid = rig.cloid()
  await rig.place({ cloid })
  const found = await rig.venue.findOrder({ cloid })
  expect(found.kind).toBe('unknown')
  expect(rig.now() - found.asOfMs).toBeGreaterThan(59_000)
  await rig.control({ timeline_delay_ms: 0 })
  expect(await happened(cloid)).toBe(true)
})

test('prices that stand still while the market moves show their age', async () => {
  await rig.control({ stale_mids: true })
  const sinceMs = rig.now()
  await rig.control({ prices: { BTC: '60000' } })
  const price = await rig.venue.price({ symbol: 'BTC' })
  expect(price.mark).toBe('50000')
  expect(price.atMs).toBeLessThanOrEqual(sinceMs)
  expect(await rig.place({ price: '55000' })).toMatchObject({
    answer: { orders: [{ error: 'ioc_cancel' }] },
  })
})

test('an exchange whose clock is ahead refuses what has expired, and says when it is', async () => {
  await rig.control({ clock_skew_ms: 60_000 })
  expect((await rig.place()).answer).toMatchObject({ outcome: 'refused', error: 'expired' })
  expect((await rig.venue.account()).atMs - rig.now()).toBeGreaterThan(59_000)
})

test('who asks too much is limited, questions and actions alike', async () => {
  await rig.control({ weight_limit: 1 })
  await expect(rig.venueFor().markets()).rejects.toMatchObject({ code: 'UPSTREAM_RATE_LIMITED' })
  const { answer } = await rig.send({ kind: 'place', order: rig.order() })
  expect(answer).toMatchObject({ outcome: 'refused', code: 'UPSTREAM_RATE_LIMITED' })
})

test.each(['5xx', 'reset_before', 'timeout_before'] as const)(
  'a question that meets %s is not answered, and never wrongly',
  async (fault) => {
    await rig.control({ fault, on: 'info' })
    const venue = rig.venueFor({ readDeadlineMs: 200 })
    await expect(venue.account()).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
    expect((await rig.venue.account()).equityUsd).toMatch(/^\d/u)
  },
)

test('a dead man switch is refused until enough was traded', async () => {
  const nonce = Date.now() + 5_000
  const fields = { action: { type: 'scheduleCancel', time: nonce + 60_000 }, nonce }
  const answer = await rig.post('/exchange', { ...fields, signature: rig.wallet.sign(fields) })
  expect(await answer.json()).toEqual({
    status: 'err',
    response: 'Cannot set scheduled cancel time until enough volume traded.',
  })
})

test('a control that means nothing changes nothing', async () => {
  for (const wrong of [{ prices: { NONE: '1' } }, { prices: { BTC: '-1' } }, { fault: 'x' }, 7]) {
    expect((await rig.post('/__control', wrong)).status).toBe(400)
  }
})
