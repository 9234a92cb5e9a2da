/** Transfers that came from a ledger, counted anew: a token fills the counters of its own name. */
import { HOUSE_ASSETS, TRANSFERS } from '@chimera/contracts/budget/moving-tools'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { recount } from '@chimera/infra/database/backup/recount'
import { setPrice } from '@chimera/infra/database/policies/prices'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openFreshDatabase, type FreshDatabase } from '../../fresh-database.ts'
import { insertEffect } from './effect-in-state.ts'

let database: FreshDatabase
beforeAll(async () => {
  database = await openFreshDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

/** What a transfer of five base units of a priced token reserves for its agent, by asset. */
async function reservedBy(asset: string): Promise<Record<string, string>> {
  const price = { tenantId: DEFAULT_TENANT, asset, decimals: 0, usdMicros: 7n, source: 'test' }
  await setPrice(database, { ...price, actor: 'test' })
  const id = await insertEffect(database, {
    state: 'GRANTED',
    tool: 'transfer_erc20',
    slot: 'pay:1',
    account: 'evm:default',
    type: 'TRANSACTION',
    kind: 'wallet.transfer',
    args: { asset, to: '0xabc', amount: '5' },
  })
  await recount({ database })
  const rows = await database.query<{ asset: string; amount: string }>({
    text: `SELECT asset, amount FROM budget_reservations WHERE effect_id = $1 AND scope = 'agent'`,
    values: [id],
  })
  return Object.fromEntries(rows.map((row) => [row.asset, row.amount]))
}

test('a token counts in its own name, in dollars, and as a transfer', async () => {
  expect(await reservedBy('USDC')).toEqual({ USDC: '5', USD: '35', [TRANSFERS]: '1' })
})

test.each(HOUSE_ASSETS)('one that is named %s counts as a transfer alone', async (asset) => {
  expect(await reservedBy(asset)).toEqual({ [TRANSFERS]: '1' })
})
