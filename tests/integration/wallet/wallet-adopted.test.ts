/** The ledger of a wallet is lost: what its receipts told the record settles by the chain. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { AdoptClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { needsAnvil } from './evm-rig.ts'
import { ALICE, ETH, USDC } from './wallet-limits.ts'
import { WalletRig } from './wallet-rig.ts'

needsAnvil()

let rig: WalletRig
beforeEach(async () => {
  const env = { WALLET_FOLLOW_MS: '50', WALLET_SEND_TIMEOUT_MS: '400' }
  rig = await new WalletRig({ env }).open()
  await rig.evm.tell({ automine: false })
})
afterEach(async () => rig[Symbol.asyncDispose]())

type Effect = AdoptClaims['effects'][number]
const ARGS = { asset: 'USDC', to: ALICE, amount: String(5n * USDC) }

/** Pays, waits in vain for a block, and answers what the record knows of it then. */
async function payInVain(): Promise<{ effect: Effect; receipt: ReceiptClaims }> {
  const grant = rig.claims({ tool: 'transfer_erc20', args: ARGS, slot: 'pay:1' })
  const { receipt } = await rig.pay('transfer_erc20', ARGS, grant)
  if (receipt?.state !== 'UNKNOWN') throw new Error(`The transfer is ${receipt?.state}.`)
  const { facts, spends, claimed_at: claimedAt } = receipt
  const told = {
    ...(claimedAt === undefined ? {} : { claimed_at: claimedAt }),
    ...(facts === undefined ? {} : { facts }),
    ...(spends === undefined ? {} : { spends }),
  }
  return { effect: rig.judge.adopted(grant, ARGS, { state: 'UNKNOWN', ...told }), receipt }
}

/** It looks by itself; once all is settled, it waits for its hello. */
const stateOf = ({ grant_id: id }: Effect): string | undefined =>
  [...rig.server.control.entries()].find(({ grantId }) => grantId === id)?.state
const settles = async (effect: Effect, state: string): Promise<void> => {
  await expect.poll(() => stateOf(effect), { timeout: 20_000, interval: 50 }).toBe(state)
}
const used = async (): Promise<string> =>
  JSON.stringify((await rig.call('get_limits', {})).fields['assets'])

test('a receipt says by what a transfer can be found, and what it may take', async () => {
  const { receipt } = await payInVain()
  expect(receipt.facts).toMatchObject({ nonce: '0', hashes: expect.stringMatching(/^0x/) })
  expect(receipt.spends).toMatchObject([
    { asset: 'USDC', amount: String(5n * USDC), recipient: ALICE.toLowerCase() },
    { asset: 'ETH' },
  ])
  expect(JSON.stringify(receipt)).not.toContain(rig.key.slice(2))
})

test('one that was mined is confirmed by its hash, and counts in the limits', async () => {
  const { effect } = await payInVain()
  await rig.evm.tell({ automine: true, mine: 1 })
  await rig.loseLedger([effect])
  expect(await used()).toContain(`"per_hour":"${5n * USDC}"`)
  await settles(effect, 'CONFIRMED')
  await rig.greet()
  expect(rig.status.state).toBe('open')
  expect(await used()).toContain(`"per_hour":"${5n * USDC}"`)
  expect(await rig.evm.tokensOf(ALICE)).toBe(5n * USDC)
})

test('one that still waits in the node is waited for', async () => {
  const { effect } = await payInVain()
  await rig.loseLedger([effect])
  // Longer than it takes until a person is asked where nothing is known.
  await sleep(8_000)
  expect(stateOf(effect)).toBe('UNKNOWN')
  await rig.evm.tell({ automine: true, mine: 1 })
  await settles(effect, 'CONFIRMED')
})

test('one whose nonce another used never happens', async () => {
  const { effect } = await payInVain()
  await rig.evm.tell({ drop_waiting: true })
  await rig.evm.anvil('anvil_setNonce', rig.address, '0x0')
  await rig.evm.anvil('anvil_impersonateAccount', rig.address)
  await rig.evm.tell({ automine: true })
  await rig.evm.anvil('eth_sendTransaction', { from: rig.address, to: ALICE, value: '0x1' })
  await rig.evm.tell({ mine: 1 })
  await rig.loseLedger([effect])
  await settles(effect, 'NOT_HAPPENED')
  expect(await used()).not.toContain(`"per_hour":"${5n * USDC}"`)
})

test("one that nobody holds, and whose nonce is free, is a person's to settle", async () => {
  const { effect } = await payInVain()
  await rig.evm.tell({ drop_waiting: true })
  await rig.loseLedger([effect])
  await settles(effect, 'NEEDS_HUMAN')
  expect(await rig.evm.balanceOf(ALICE)).toBeLessThan(ETH)
})

test('control: without what the receipt told, a mined transfer needs a person', async () => {
  const { effect } = await payInVain()
  const { facts: _facts, spends: _spends, ...rest } = effect
  await rig.evm.tell({ automine: true, mine: 1 })
  await rig.loseLedger([rest])
  // What it can have taken counts all the same: its arguments say at least that.
  expect(await used()).toContain(`"per_hour":"${5n * USDC}"`)
  await settles(effect, 'NEEDS_HUMAN')
})
