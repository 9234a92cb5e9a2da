import { describe, expect, it } from 'vitest'

import { account, attempt, proposal, scene } from '../judging-samples.ts'
import { priceGate } from './price-gate.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

/** The votes on a payment of one ether, by a price so many seconds old. */
function votes(of: {
  mode: 'paper' | 'live'
  ageMs: number | undefined
  tool?: string
  asset?: string
}) {
  const { policy } = scene()
  if (policy === undefined) throw new Error('the sample has a policy')
  const { ageMs } = of
  const priceOf = (asset: string) =>
    ageMs === undefined || asset !== (of.asset ?? 'ETH')
      ? undefined
      : { decimals: 18, usdMicros: 1n, takenAtMs: NOW - ageMs }
  const one = attempt({})
  return priceGate({
    attempt: { ...one, goal: { ...one.goal, mode: of.mode } },
    effect: proposal({
      tool: of.tool ?? 'transfer_native',
      args: { to: '0x1', amount: '5', ...(of.asset === undefined ? {} : { asset: of.asset }) },
    }),
    account: account(),
    rounds: [],
    scene: scene({ policy: { ...policy, nowMs: NOW, priceOf } }),
  })
}

describe('the price of live money', () => {
  const HOUR_MS = 3_600_000

  it.each([
    ['there is none', undefined],
    ['it is stale', HOUR_MS + 1],
    ['it is of a time to come', -60_000],
  ])('denies where %s', (_, ageMs) => {
    const denied = [{ gate: 'budget', vote: 'deny', code: 'PRICE_UNAVAILABLE' }]
    expect(votes({ mode: 'live', ageMs })).toMatchObject(denied)
  })

  it.each(['USD', 'MODELUSD', 'TOKENS', 'TRANSFERS'])(
    'denies a token that is named %s, as the house counts, whatever its price',
    (asset) => {
      const denied = [{ code: 'PRICE_UNAVAILABLE' }]
      expect(votes({ mode: 'live', ageMs: 0, tool: 'transfer_erc20', asset })).toMatchObject(denied)
      expect(votes({ mode: 'live', ageMs: 0, tool: 'transfer_erc20', asset: 'USDC' })).toEqual([])
    },
  )

  it('says nothing where it is fresh, where money is simulated, and of what moves none', () => {
    expect(votes({ mode: 'live', ageMs: HOUR_MS })).toEqual([])
    expect(votes({ mode: 'paper', ageMs: undefined })).toEqual([])
    expect(votes({ mode: 'live', ageMs: undefined, tool: 'post_tweet' })).toEqual([])
  })
})
