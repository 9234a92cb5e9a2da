import { expect, it } from 'vitest'

import { MOVING_TOOLS, movesMoney } from './moving-tools.ts'

it('every tool that makes a transaction of a wallet moves money, and no other', () => {
  expect(MOVING_TOOLS).toEqual(['transfer_native', 'transfer_erc20', 'unstick_transfer'])
  for (const other of ['get_balances', 'simulate_transfer', 'post_tweet', 'place_order', 'no_tool'])
    expect(movesMoney(other)).toBe(false)
})
