import { describe, expect, test } from 'vitest'

import { chooseNonce } from './choose-nonce.ts'
import { chooseFees, raiseFees } from './fees.ts'

describe('the next nonce', () => {
  const known = { latest: 5, pending: 5, held: new Set<number>(), highestMined: undefined }
  test.each([
    ['follows what is in blocks', known, 5],
    ['leaves out what the ledger holds', { ...known, held: new Set([5, 6]) }, 7],
    ['fills a hole that was left', { ...known, held: new Set([6, 7]) }, 5],
    ['leaves out what waits in the node and is not of the ledger', { ...known, pending: 7 }, 7],
    ['does not believe a node that lags', { ...known, highestMined: 8 }, 9],
    ['begins at 0', { ...known, latest: 0, pending: 0 }, 0],
  ])('%s', (_title, given, expected) => {
    expect(chooseNonce(given)).toBe(expected)
  })
})

describe('fees', () => {
  const market = { baseFee: 100n, tip: 10n }
  test('leave room for the price to double, below the cap', () => {
    expect(chooseFees(market, 1_000n)).toEqual({ maxFeePerGas: 210n, maxPriorityFeePerGas: 10n })
    expect(chooseFees(market, 150n)).toEqual({ maxFeePerGas: 150n, maxPriorityFeePerGas: 10n })
    expect(chooseFees(market, 109n)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('of a replacement are an eighth more, or what the market asks', () => {
    const offered = { maxFeePerGas: 800n, maxPriorityFeePerGas: 80n }
    const raised = raiseFees(offered, market, 10_000n)
    expect(raised).toEqual({ maxFeePerGas: 901n, maxPriorityFeePerGas: 91n })
    const dear = raiseFees(offered, { baseFee: 5_000n, tip: 10n }, 20_000n)
    expect(dear).toEqual({ maxFeePerGas: 10_091n, maxPriorityFeePerGas: 91n })
    expect(raiseFees(offered, market, 900n)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })
})
