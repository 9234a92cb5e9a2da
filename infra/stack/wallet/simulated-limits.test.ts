import { KNOWN_ASSETS } from '@chimera/contracts/judging/known-assets'
import { expect, test } from 'vitest'

import { SIMULATED_LIMITS } from './simulated-limits.ts'

test('what is known of the simulated network is what its wallet may move', () => {
  const limits = SIMULATED_LIMITS.assets.map(({ asset, decimals, ...of }) => [
    asset,
    decimals,
    'contract' in of ? of.contract : undefined,
  ])
  const known = KNOWN_ASSETS.simulated.map(({ code, decimals, ...of }) => [
    code,
    decimals,
    'contract' in of ? of.contract : undefined,
  ])
  expect(known).toEqual(limits)
})
