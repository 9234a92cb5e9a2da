import { SIMULATED_LIMITS } from '@chimera/infra/stack/wallet/simulated-limits'
import { describe, expect, test } from 'vitest'

import { needsAnvil } from './evm-rig.ts'
import { ALICE, BOB, ETH, USDC } from './wallet-limits.ts'
import { WalletRig } from './wallet-rig.ts'

needsAnvil()

describe('a wallet on a chain of its own', () => {
  test('pays in the native asset, to the wei, and says what it cost', async () => {
    await using rig = await new WalletRig().open()
    const args = { to: ALICE, amount: String(ETH / 4n) }
    const paid = await rig.pay('transfer_native', args)
    expect(paid.fields['message']).toBeUndefined()
    expect(paid).toMatchObject({ fields: {}, status: 'CONFIRMED', isError: false })
    expect(await rig.evm.balanceOf(ALICE)).toBe(ETH / 4n)
    const fee = BigInt(String(paid.fields['fee']))
    expect(await rig.evm.balanceOf(rig.address)).toBe(1_000n * ETH - ETH / 4n - fee)
    expect(paid.receipt?.provider_ref).toBe(rig.evm.taken()[0]?.id)
  })

  test('pays in a token, under the limits of a new installation', async () => {
    await using rig = await new WalletRig({ limits: SIMULATED_LIMITS }).open()
    const args = { asset: 'USDC', to: BOB, amount: String(12n * USDC) }
    const paid = await rig.pay('transfer_erc20', args)
    expect(paid).toMatchObject({ status: 'CONFIRMED' })
    expect(await rig.evm.tokensOf(BOB)).toBe(12n * USDC)
  })
})
