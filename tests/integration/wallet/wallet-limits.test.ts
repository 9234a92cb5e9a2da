import { afterEach, describe, expect, test } from 'vitest'

import { needsAnvil } from './evm-rig.ts'
import { ALICE, BOB, ETH, limitsWith, USDC, withTokenCaps } from './wallet-limits.ts'
import { WalletRig } from './wallet-rig.ts'

needsAnvil()

const token = (amount: bigint, to: string = ALICE) => ({
  asset: 'USDC',
  to,
  amount: String(amount),
})
const caps = (all: bigint) => ({
  per_transfer: String(all),
  per_hour: String(all),
  per_day: String(all),
  per_week: String(all),
})

let rig: WalletRig
const open = async (limits: Record<string, unknown> = limitsWith()): Promise<void> => {
  rig = await new WalletRig({ limits }).open()
}
afterEach(async () => rig?.[Symbol.asyncDispose]())
const payToken = (args: Record<string, unknown>) => rig.pay('transfer_erc20', args)

/** What is refused here is refused for good, says why, and reaches nobody. */
async function expectRefused(
  limits: Record<string, unknown>,
  args: Record<string, unknown>,
  code: string,
): Promise<void> {
  await open(limits)
  expect(await payToken(args)).toMatchObject({ status: 'VOID', code, isError: true })
  expect(rig.evm.broadcasts()).toEqual([])
  const checked = await rig.call('check_spend', args)
  expect(checked.fields).toMatchObject({ allowed: false, refusal: code })
  const simulated = await rig.call('simulate_transfer', args)
  expect(simulated.fields).toMatchObject({ allowed: false, refusal: code })
}

describe('a wallet refuses', () => {
  const args = token(10n * USDC)
  const now = new Date().toISOString()
  const cases: readonly [string, Record<string, unknown>, Record<string, unknown>, string][] = [
    [
      'more than one transfer may be',
      withTokenCaps({ per_transfer: '9999999' }),
      args,
      'LIMIT_EXCEEDED',
    ],
    ['more than an hour may bring', withTokenCaps({ per_hour: '9999999' }), args, 'LIMIT_EXCEEDED'],
    ['more than a day may bring', withTokenCaps({ per_day: '9999999' }), args, 'LIMIT_EXCEEDED'],
    ['more than a week may bring', withTokenCaps({ per_week: '9999999' }), args, 'LIMIT_EXCEEDED'],
    [
      'more dollars than it may spend, gas included',
      limitsWith({ usd_micros: caps(10_000_000n) }),
      token(10n * USDC),
      'LIMIT_EXCEEDED',
    ],
    [
      'a recipient who is not on the list',
      limitsWith(),
      token(USDC, '0x00000000000000000000000000000000000000aa'),
      'RECIPIENT_NOT_ALLOWED',
    ],
    ['the zero address', limitsWith(), token(USDC, `0x${'0'.repeat(40)}`), 'RECIPIENT_NOT_ALLOWED'],
    [
      'a recipient who is too new',
      limitsWith({
        recipients: [{ address: ALICE, added_at: now }],
        new_recipient_delay_ms: 60_000,
      }),
      args,
      'COOLDOWN_ACTIVE',
    ],
    [
      'an asset that its limits do not name',
      limitsWith(),
      { ...args, asset: 'DOGE' },
      'ASSET_UNKNOWN',
    ],
  ]
  test.each(cases)('%s', async (title, limits, wanted, code) => {
    if (!title.startsWith('more dollars')) return expectRefused(limits, wanted, code)
    // The amount alone would fit; what check_spend leaves out, the gas, does not any more.
    await open(limits)
    expect(await payToken(wanted)).toMatchObject({ status: 'VOID', code })
    expect((await payToken(token(8n * USDC))).status).toBe('CONFIRMED')
    return undefined
  })

  test('what has no fresh price', async () => {
    await open()
    await rig.evm.tell({ price: { usd_e8: '300000000000', at_s: 1_700_000_000 } })
    const native = { to: ALICE, amount: '1000' }
    const paid = await rig.pay('transfer_native', native)
    expect(paid).toMatchObject({ status: 'VOID', code: 'PRICE_UNAVAILABLE' })
    // The gas of a token's transfer has no price either.
    expect(await payToken(args)).toMatchObject({ status: 'VOID', code: 'PRICE_UNAVAILABLE' })
    await rig.evm.tell({ price: { usd_e8: '-1' } })
    expect(await payToken(args)).toMatchObject({ status: 'VOID', code: 'PRICE_UNAVAILABLE' })
    expect(rig.evm.broadcasts()).toEqual([])
  })

  test('more transactions than it may count', async () => {
    await open(limitsWith({ count: { per_hour: 1, per_day: 9, per_week: 9 } }))
    expect((await payToken(args)).status).toBe('CONFIRMED')
    expect(await payToken(args)).toMatchObject({ status: 'VOID', code: 'LIMIT_EXCEEDED' })
  })

  test('more than it holds, and what the chain would revert', async () => {
    await open(withTokenCaps(caps(10n ** 18n)))
    const tooMuch = await payToken(token(1_000_001n * USDC))
    expect(tooMuch.status).toBe('VOID')
    expect(tooMuch.code).toMatch(/UPSTREAM_REJECTED|INSUFFICIENT_FUNDS/)
    expect(rig.evm.broadcasts()).toEqual([])
  })

  test('a mistyped address, a token that is native, and amounts that are none', async () => {
    await open()
    const wrong = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'.replace('5aA', '5AA')
    expect(await payToken(token(USDC, wrong))).toMatchObject({ code: 'INPUT_INVALID' })
    expect(await payToken({ ...args, asset: 'ETH' })).toMatchObject({ code: 'INPUT_INVALID' })
    for (const amount of ['0', '-1', '1.5', '01', '1e3', '', '9'.repeat(79), `${2n ** 256n}`]) {
      const paid = await payToken({ ...args, amount })
      expect(paid).toMatchObject({ status: 'VOID', code: 'INPUT_INVALID' })
    }
    expect(rig.evm.broadcasts()).toEqual([])
  })

  test('everything while the chain cannot be read, without naming its node', async () => {
    await open()
    const grant = rig.claims({ tool: 'transfer_erc20', args, slot: 'pay:1' })
    const { url } = rig.evm
    await rig.evm[Symbol.asyncDispose]()
    const paid = await rig.pay('transfer_erc20', args, grant)
    expect(paid).toMatchObject({ status: 'NONE', code: 'UPSTREAM_UNAVAILABLE' })
    expect(JSON.stringify(paid)).not.toContain(url)
    expect((await rig.call('get_balances', {})).isError).toBe(true)
  })
})

describe('a wallet allows', () => {
  test('exactly its cap, and says what is left of it', async () => {
    await open(withTokenCaps({ per_hour: String(10n * USDC) }))
    expect((await payToken(token(4n * USDC))).status).toBe('CONFIRMED')
    expect((await payToken(token(6n * USDC, BOB))).status).toBe('CONFIRMED')
    expect(await payToken(token(1n))).toMatchObject({ status: 'VOID', code: 'LIMIT_EXCEEDED' })
    const { assets, count } = (await rig.call('get_limits', {})).fields
    expect(assets).toMatchObject([{ asset: 'ETH' }, { used: { per_hour: String(10n * USDC) } }])
    expect(count).toMatchObject({ used: { per_hour: '2' } })
  })

  test('a new recipient who was paid before', async () => {
    await open()
    expect((await payToken(token(USDC))).status).toBe('CONFIRMED')
    const recipients = [{ address: ALICE, added_at: new Date().toISOString() }]
    await rig.restart({ limits: limitsWith({ recipients, new_recipient_delay_ms: 60_000 }) })
    expect((await payToken(token(USDC))).status).toBe('CONFIRMED')
  })

  test('what it lists and finds again', async () => {
    await open()
    const paid = await payToken(token(USDC))
    const { transfers } = (await rig.call('list_transfers', { limit: 5 })).fields
    expect(transfers).toMatchObject([{ state: 'CONFIRMED', asset: 'USDC', result: 'done' }])
    const byHash = await rig.call('get_transfer', { id: String(paid.fields['tx_hash']) })
    expect(byHash.fields['transfer']).toMatchObject({ transfer_id: paid.fields['transfer_id'] })
    expect((await rig.call('list_transfers', { open: true })).fields['transfers']).toEqual([])
    const held = (await rig.call('get_balances', {})).fields['balances']
    expect(held).toMatchObject([{ asset: 'ETH' }, { amount: String(999_999n * USDC) }])
    expect(BigInt(String(paid.fields['fee']))).toBeLessThan(ETH / 100n)
  })
})
