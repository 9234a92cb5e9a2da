import { describe, expect, it } from 'vitest'

import { effect, receipt } from './judging-samples.ts'
import { adoptHolder, settleReceipt } from './settle-receipt.ts'

const NOW = 1_800_000_000_000

describe('a receipt', () => {
  it('that confirms completes the task and says what was spent', () => {
    expect(settleReceipt(effect(), receipt(), NOW)).toMatchObject({
      effect: { from: 'GRANTED', to: 'CONFIRMED', providerRef: '1001', spentUsdMicros: 15_000n },
      task: { to: 'done' },
    })
  })

  it('without a price spends all that was reserved', () => {
    const unpriced = { ...receipt(), cost_usd_micros: undefined }
    const settled = settleReceipt(effect({ costUsdMicros: 200_000n }), unpriced, NOW)
    expect(settled).toMatchObject({ effect: { to: 'CONFIRMED', spentUsdMicros: 200_000n } })
  })

  it('of one effect of two has the task looked at again', () => {
    const settled = settleReceipt(effect({ otherSlotsOpen: 1 }), receipt(), NOW)
    expect(settled).toMatchObject({ task: { to: 'judging', delayMs: null } })
  })

  it.each([
    ['grant', { grant_id: '018f0000-0000-7000-8000-0000000000ff' }],
    ['effect', { effect_key: 'c'.repeat(64) }],
    ['round', { round: 2 }],
    ['arguments', { args_hash: 'd'.repeat(64) }],
    ['account', { iss: 'x:other' }],
  ])('for another %s changes nothing', (_, over) => {
    expect(settleReceipt(effect(), receipt(over), NOW)).toHaveProperty('ignored')
  })

  it.each(['CONFIRMED', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'EXPIRED', 'CANCELLED'] as const)(
    'that comes late to an effect that is %s changes nothing',
    (state) => {
      expect(settleReceipt(effect({ state }), receipt(), NOW)).toHaveProperty('ignored')
    },
  )

  it('of an unknown outcome keeps the reservation and reconciles', () => {
    const settled = settleReceipt(effect(), receipt({ state: 'UNKNOWN' }), NOW)
    expect(settled).toMatchObject({
      effect: { to: 'UNKNOWN', spentUsdMicros: undefined },
      task: { to: 'reconciling', failure: null },
    })
  })

  it('settles an unknown outcome both ways', () => {
    const unknown = effect({ state: 'UNKNOWN' })
    expect(settleReceipt(unknown, receipt(), NOW)).toMatchObject({ task: { to: 'done' } })
    expect(settleReceipt(unknown, receipt({ state: 'NOT_HAPPENED' }), NOW)).toMatchObject({
      effect: { to: 'NOT_HAPPENED', spentUsdMicros: 0n },
      task: { to: 'judging' },
    })
  })

  it('of a cooldown waits exactly as long as the server says and spends no attempt', () => {
    const voided = receipt({ state: 'VOID', code: 'COOLDOWN_ACTIVE', retry_after_ms: 900_000 })
    expect(settleReceipt(effect(), voided, NOW)).toMatchObject({
      effect: { to: 'EXPIRED', spentUsdMicros: 0n },
      task: {
        to: 'judging',
        delayMs: 900_000,
        isRejection: false,
        waitingOn: { until: new Date(NOW + 900_000).toISOString() },
      },
    })
  })

  it('of a duplicate ends the task with the provider reason', () => {
    const refused = receipt({ state: 'REFUSED', code: 'DUPLICATE', detail: 'said already' })
    expect(settleReceipt(effect(), refused, NOW)).toMatchObject({
      effect: { to: 'REFUSED' },
      task: { to: 'rejected', failure: { code: 'DUPLICATE', message: 'said already' } },
    })
  })

  it('of a rate limit tries again when the provider says', () => {
    const limited = receipt({ state: 'REFUSED', code: 'UPSTREAM_RATE_LIMITED', retry_after_ms: 5 })
    expect(settleReceipt(effect(), limited, NOW)).toMatchObject({
      task: { to: 'judging', delayMs: 5 },
    })
  })

  it('that voids cancels with the goal, or lets the next round follow', () => {
    const voided = receipt({ state: 'VOID' })
    const off = effect({ goalStatus: 'CANCELLED', voidReason: 'cancelled', cancelling: true })
    expect(settleReceipt(off, voided, NOW)).toMatchObject({
      effect: { to: 'CANCELLED' },
      task: { to: 'cancelled' },
    })
    expect(settleReceipt(effect({ voidReason: 'expired' }), voided, NOW)).toMatchObject({
      effect: { to: 'EXPIRED' },
      task: { to: 'judging' },
    })
  })

  it('that a cancelled goal did happen is confirmed all the same', () => {
    const off = effect({ goalStatus: 'CANCELLED', voidReason: 'cancelled', cancelling: true })
    expect(settleReceipt(off, receipt(), NOW)).toMatchObject({ effect: { to: 'CONFIRMED' } })
  })

  it('of a round that keeps failing waits longer each time', () => {
    const delays = [1, 2, 5, 20].map((round) => {
      const settled = settleReceipt(effect({ round }), receipt({ round, state: 'NOT_SENT' }), NOW)
      return 'task' in settled ? settled.task?.delayMs : undefined
    })
    expect(delays).toEqual([200, 400, 3_200, 30_000])
  })
})

describe('a receipt of a grant that the record does not know', () => {
  const holder = receipt({ grant_id: '018f0000-0000-7000-8000-0000000000aa', round: 2 })
  const of = { closedRounds: [], nowMs: NOW }

  it('is adopted by the open row of its slot', () => {
    expect(adoptHolder(effect(), holder, of)).toMatchObject({
      effect: { from: 'GRANTED', to: 'CONFIRMED' },
      task: { to: 'done' },
    })
    const unknown = { ...holder, state: 'UNKNOWN' } as const
    expect(adoptHolder(effect({ state: 'UNKNOWN' }), unknown, of)).toMatchObject({
      effect: { from: 'UNKNOWN', to: 'UNKNOWN' },
    })
  })

  it('is not adopted when the record knows its round closed, or when it holds nothing', () => {
    expect(adoptHolder(effect(), holder, { ...of, closedRounds: [2] })).toHaveProperty('ignored')
    expect(adoptHolder(effect(), { ...holder, state: 'VOID' }, of)).toHaveProperty('ignored')
    expect(adoptHolder(effect(), { ...holder, iss: 'x:other' }, of)).toHaveProperty('ignored')
  })
})
