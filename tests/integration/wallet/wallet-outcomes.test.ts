import { RULES } from '@chimera/mcp-kit/protocol/rules'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { hexOf } from '#wallet/chain/hex'
import { assemble, parseSigned, signingHash } from '#wallet/chain/transaction'
import { SIMULATED_TOKEN } from '#wallet/simulated-evm/known-contracts'

import { needsAnvil } from './evm-rig.ts'
import { testSigner } from './test-signer.ts'
import { ALICE, BOB, ETH, USDC } from './wallet-limits.ts'
import { WalletRig, type WalletWish } from './wallet-rig.ts'

needsAnvil()

const Sent = z.object({ params: z.tuple([z.string()]) })
/** Calls answer UNKNOWN soon; the tests look for themselves. */
const IMPATIENT = { WALLET_FOLLOW_MS: '50', WALLET_SEND_TIMEOUT_MS: '400' }
/** Calls stay until the chain has answered, on a slow machine too. */
const PATIENT = { WALLET_FOLLOW_MS: '20000', WALLET_SEND_TIMEOUT_MS: '20000' }
const native = (amount: bigint, to: string = ALICE) => ({ to, amount: String(amount) })
const token = (amount: bigint, to: string = ALICE) => ({
  asset: 'USDC',
  to,
  amount: String(amount),
})

let rig: WalletRig
const open = async (wish: WalletWish = {}): Promise<void> => {
  rig = await new WalletRig({ ...wish, env: { ...IMPATIENT, ...wish.env } }).open()
}
afterEach(async () => rig?.[Symbol.asyncDispose]())

/** Pays with a grant whose name the test wants to know. */
async function payAs(tool: Parameters<WalletRig['pay']>[0], args: Record<string, unknown>) {
  const grant = rig.claims({ tool, args, slot: 'pay:1' })
  return { grant, paid: await rig.pay(tool, args, grant) }
}
const stateOf = async (grantId: string): Promise<string | undefined> =>
  (await rig.reconcile([grantId]))[0]?.state
async function settles(grantId: string, state: string): Promise<void> {
  await expect.poll(() => stateOf(grantId), { timeout: 8_000, interval: 50 }).toBe(state)
}
const sentRaws = (): unknown[] => rig.evm.taken().map(({ body }) => body)
const used = async (): Promise<string> =>
  JSON.stringify((await rig.call('get_limits', {})).fields['assets'])

describe('a transaction that waits for its block', () => {
  test('is sent again byte for byte when the node has lost it', async () => {
    await open()
    await rig.evm.tell({ automine: false })
    const { grant, paid } = await payAs('transfer_native', native(ETH))
    expect(paid.status).toBe('UNKNOWN')
    await rig.evm.tell({ drop_waiting: true })
    await expect.poll(async () => (await stateOf(grant.jti), sentRaws().length)).toBe(2)
    const [first, again] = sentRaws()
    expect(again).toEqual(first)
    await rig.evm.tell({ automine: true, mine: 1 })
    await settles(grant.jti, 'CONFIRMED')
    expect(await rig.evm.balanceOf(ALICE)).toBe(ETH)
  })

  test('is not sent again while a stop is in force, and is after it', async () => {
    await open()
    await rig.evm.tell({ automine: false })
    const { grant } = await payAs('transfer_native', native(ETH))
    rig.server.control.fence({ scope: 'everything', epoch: 1, stopped: true })
    await rig.evm.tell({ drop_waiting: true })
    for (let looks = 0; looks < 5; looks += 1) await stateOf(grant.jti)
    expect(sentRaws()).toHaveLength(1)
    rig.server.control.fence({ scope: 'everything', epoch: 2, stopped: false })
    await expect.poll(async () => (await stateOf(grant.jti), sentRaws().length)).toBe(2)
  })

  test('is offered for more when the market passes it by, and is otherwise the same', async () => {
    await open()
    await rig.evm.tell({ automine: false })
    const { grant } = await payAs('transfer_erc20', token(5n * USDC))
    await rig.evm.tell({ base_fee_wei: '5000000000', mine: 1 })
    await expect
      .poll(async () => (await stateOf(grant.jti), sentRaws().length), { timeout: 8_000 })
      .toBe(2)
    const [first, dearer] = rig.evm.taken().map(({ body }) => {
      const [raw] = Sent.parse(body).params
      return parseSigned(Buffer.from(raw.slice(2), 'hex'))
    })
    const same = { nonce: first?.nonce, to: first?.to, value: first?.value, data: first?.data }
    expect(dearer).toMatchObject(same)
    expect(dearer?.maxFeePerGas).toBeGreaterThan(first?.maxFeePerGas ?? 0n)
    await rig.evm.tell({ mine: 1 })
    await settles(grant.jti, 'CONFIRMED')
    expect(await rig.evm.tokensOf(ALICE)).toBe(5n * USDC)
  })

  test('never happens once another one has used its nonce, and counts no more', async () => {
    await open()
    await rig.evm.tell({ automine: false })
    const { grant } = await payAs('transfer_erc20', token(7n * USDC))
    expect(await used()).toContain(`"per_hour":"${7n * USDC}"`)
    await sendElsewhere(0)
    await settles(grant.jti, 'NOT_HAPPENED')
    expect(await rig.evm.tokensOf(ALICE)).toBe(0n)
    expect(await used()).not.toContain(`"per_hour":"${7n * USDC}"`)
  })

  test('is not taken for lost by a node that is late with receipts', async () => {
    await open({ env: { WALLET_FOLLOW_MS: '50' } })
    await rig.evm.tell({ timeline_delay_ms: 1_500 })
    const { grant, paid } = await payAs('transfer_native', native(ETH))
    expect(paid.status).toBe('UNKNOWN')
    await settles(grant.jti, 'CONFIRMED')
  })

  test('that reverts costs its gas and releases its amount', async () => {
    await open()
    await rig.evm.tell({ automine: false })
    const { grant } = await payAs('transfer_erc20', token(9n * USDC))
    // Code that only reverts: the token was paused after the transfer had been tried.
    await rig.evm.anvil('anvil_setCode', SIMULATED_TOKEN, '0x60006000fd')
    await rig.evm.tell({ automine: true, mine: 1 })
    await settles(grant.jti, 'CONFIRMED')
    const { transfer } = (await rig.call('get_transfer', { id: grant.jti })).fields
    expect(transfer).toMatchObject({ result: 'reverted', state: 'CONFIRMED', amount: '9000000' })
    // The record is told, so that its budgets give the amount back and keep the gas.
    const [receipt] = await rig.reconcile([grant.jti])
    expect(receipt).toMatchObject({ state: 'CONFIRMED', code: 'REVERTED' })
    expect(BigInt(receipt?.cost_usd_micros ?? '0')).toBeGreaterThan(0n)
    expect(await used()).toMatch(/"asset":"USDC"[^}]*\}[^}]*"per_hour":"0"/)
    expect(await used()).not.toMatch(/"asset":"ETH"[^}]*\}[^}]*"per_hour":"0"/)
  })

  test('can be put out of the way, and what waits behind it goes on', async () => {
    await open()
    await rig.evm.tell({ automine: false })
    const stuck = await payAs('transfer_native', native(ETH))
    const behind = await payAs('transfer_native', native(ETH, BOB))
    const args = { transfer_id: stuck.grant.jti }
    const unstuck = await payAs('unstick_transfer', args)
    expect(unstuck.paid).toMatchObject({ status: 'UNKNOWN' })
    // The stuck one does not fight for its place, whatever the market does.
    const sent = sentRaws().length
    for (let looks = 0; looks < 3; looks += 1) await stateOf(stuck.grant.jti)
    expect(sentRaws()).toHaveLength(sent)
    await rig.evm.tell({ automine: true, mine: 1 })
    await settles(stuck.grant.jti, 'NOT_HAPPENED')
    await settles(unstuck.grant.jti, 'CONFIRMED')
    await settles(behind.grant.jti, 'CONFIRMED')
    expect(await rig.evm.balanceOf(ALICE)).toBe(0n)
    expect(await rig.evm.balanceOf(BOB)).toBe(ETH)
    const again = await payAs('unstick_transfer', args)
    expect(again.paid).toMatchObject({ status: 'VOID', code: 'TARGET_UNKNOWN' })
  })
})

describe('nonces', () => {
  test('of what was never sent are used again', async () => {
    const refusals = [{ code: 'FENCED' as const, detail: 'A stop came.' }]
    await open({ env: PATIENT, rules: { ...RULES, maySend: () => refusals.pop() } })
    const unsent = await payAs('transfer_native', native(ETH))
    expect(unsent.paid.status).toBe('NOT_SENT')
    const next = await payAs('transfer_native', native(ETH))
    expect(next.paid).toMatchObject({ status: 'CONFIRMED', fields: { nonce: 0 } })
  })

  test('of twenty calls at once are contiguous, and all are paid', async () => {
    await open({ env: PATIENT })
    const calls = Array.from({ length: 20 }, () => payAs('transfer_native', native(1_000n)))
    const paid = await Promise.all(calls)
    const nonces = paid.map((each) => Number(each.paid.fields['nonce'])).toSorted((a, b) => a - b)
    expect(nonces).toEqual(Array.from({ length: 20 }, (_none, nonce) => nonce))
    expect(await rig.evm.balanceOf(ALICE)).toBe(20_000n)
  })

  test('of a chain that died go on from its record', async () => {
    await open({ env: PATIENT })
    await payAs('transfer_native', native(ETH))
    await payAs('transfer_erc20', token(USDC))
    await rig.restartChain()
    expect(await rig.evm.balanceOf(ALICE)).toBe(ETH)
    expect(await rig.evm.tokensOf(ALICE)).toBe(USDC)
    const next = await payAs('transfer_native', native(ETH))
    expect(next.paid).toMatchObject({ status: 'CONFIRMED', fields: { nonce: 2 } })
  })
})

test('a rehearsal sends nothing', async () => {
  await open({ env: PATIENT })
  const args = native(ETH)
  const grant = rig.claims({ tool: 'transfer_native', args, mode: 'dry' })
  expect(await rig.pay('transfer_native', args, grant)).toMatchObject({ status: 'CONFIRMED' })
  expect(rig.evm.broadcasts()).toEqual([])
})

/** The same key, used by somebody else: a payment of nothing to itself at the nonce. */
async function sendElsewhere(nonce: number): Promise<void> {
  await rig.evm.anvil('anvil_dropAllTransactions')
  const transaction = {
    chainId: 31_337,
    nonce,
    maxPriorityFeePerGas: 1_000_000_000n,
    maxFeePerGas: 9_000_000_000n,
    gas: 21_000n,
    to: rig.address,
    value: 0n,
    data: Buffer.alloc(0),
  }
  const signature = await testSigner(rig.key).sign(signingHash(transaction))
  const { raw } = assemble(transaction, signature)
  await rig.evm.anvil('eth_sendRawTransaction', hexOf(raw))
  await rig.evm.anvil('anvil_mine', '0x1')
}
