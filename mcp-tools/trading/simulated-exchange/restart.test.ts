import { readFileSync, writeFileSync } from 'node:fs'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { ExchangeRig } from './testing/exchange-rig.ts'

let rig: ExchangeRig
beforeEach(async () => {
  rig = await new ExchangeRig().open()
  await rig.control({ prices: { BTC: '50000' } })
})
afterEach(async () => rig[Symbol.asyncDispose]())

test('a new life knows orders, fills, positions and nonces of the one before', async () => {
  const [filled, resting, lost] = [rig.cloid(), rig.cloid(), rig.cloid()]
  await rig.place({ cloid: filled })
  await rig.place({ cloid: resting, tif: 'gtc', price: '45000' })
  await rig.control({ fault: 'cut' })
  await rig.place({ cloid: lost })
  const before = await rig.venue.account()
  const action = { kind: 'place', order: rig.order() } as const
  const request = await rig.venue.prepare(action, { expiresAfterMs: rig.now() + 60_000 })
  const resend = async () => (await fetch(`${rig.url}/exchange`, request)).text()
  expect(await resend()).toContain('filled')
  const { positions } = await rig.venue.account()

  await rig.restart()
  for (const cloid of [filled, lost]) {
    expect(await rig.venue.findOrder({ cloid })).toMatchObject({ order: { state: 'filled' } })
  }
  expect(await rig.venue.findOrder({ cloid: resting })).toMatchObject({ order: { state: 'open' } })
  expect((await rig.venue.account()).positions).toMatchObject(
    positions.map(({ symbol, size, entryPrice }) => ({ symbol, size, entryPrice })),
  )
  expect(before.positions).not.toEqual(positions)
  expect(await resend()).toContain('duplicate nonce')
})

test('what was taken in the moment of a kill is in the record of the next life', async () => {
  await rig.place()
  await rig.close()
  // As if the kill had come between the journal and the record.
  const lines = readFileSync(rig.recordPath, 'utf8').trimEnd().split('\n')
  writeFileSync(
    rig.recordPath,
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(''),
  )
  await rig.open()
  expect(rig.record()).toMatchObject([{ outcome: 'cut', id: '1', account: rig.account }])
  await rig.control({ prices: { BTC: '50000' } })
  await rig.place()
  expect(rig.record()).toMatchObject([{ id: '1' }, { outcome: 'accepted', id: '2' }])
})
