/** Workers that race on one cap, of every kind of scope: never past it, and up to it exactly. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { reserveModelCall, settleModelCall } from '@chimera/infra/database/budgets/model-spend'
import { setCap } from '@chimera/infra/database/budgets/set-cap'
import { type Database, openDatabase, type Sql } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'
import { control, guarantee, sampleSize } from '../guarantee.ts'

const RACERS = 50
const FITS = 10
const PRICE = 1_000n
const KINDS = [
  { scope: 'tenant', asset: 'USD', price: PRICE },
  { scope: 'agent', asset: 'USD', price: PRICE },
  { scope: 'campaign', asset: 'MODELUSD', price: PRICE },
  // By its own daily budget, which is a column of the campaign and no cap that somebody has set.
  { scope: 'campaign', asset: 'USD', price: PRICE },
  { scope: 'agent', asset: 'TOKENS', price: 7n },
  { scope: 'goal', asset: 'USD', price: PRICE },
] as const
type Kind = (typeof KINDS)[number]

let fresh: FreshDatabase
let pool: Database

beforeAll(async () => {
  fresh = await openFreshDatabase()
  const log = openLog({ name: 'race', level: 'silent' })
  // One each: who waits for a connection on a busy machine gives up, and races with nobody.
  pool = openDatabase({ url: fresh.databaseUrl, name: 'race', log, max: RACERS })
})
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await fresh[Symbol.asyncDispose]()
})

/** Fifty callers ask at once, each for the same; answers the ids of those that may call. */
async function race(database: Database, scopeId: string): Promise<string[]> {
  const goal = { id: scopeId, mode: 'live', maxCostUsdMicros: BigInt(FITS) * PRICE } as const
  const asked = await Promise.all(
    Array.from({ length: RACERS }, async () => {
      const id = newId()
      const refused = await reserveModelCall(database, {
        id,
        tenantId: DEFAULT_TENANT,
        agentId: scopeId,
        campaignId: scopeId,
        goal,
        model: 'scripted',
        usdMicros: PRICE,
        tokens: 7n,
        leaseMs: 60_000,
        actor: 'test',
      })
      return refused === undefined ? [id] : []
    }),
  )
  return asked.flat()
}

/** Goals and campaigns bring dollars of their own; others get a row, and their goals enough. */
async function cap(kind: Kind, scopeId: string): Promise<void> {
  if (kind.scope === 'goal') return
  const of = { tenantId: DEFAULT_TENANT, modes: ['live'], actor: 'test' } as const
  await setCap(pool, { ...of, scope: 'goal', scopeId, asset: 'USD', cap: 'none' })
  const amount = kind.price * BigInt(FITS)
  if (kind.scope === 'campaign' && kind.asset === 'USD') return beginCampaign(scopeId, amount)
  await setCap(pool, { ...of, scope: kind.scope, scopeId, asset: kind.asset, cap: amount })
}

async function beginCampaign(id: string, daily: bigint): Promise<void> {
  await fresh.query({
    text: `INSERT INTO agents (tenant_id, id, version_id, audit_id)
      VALUES ($1, $2, new_version(), new_version()) ON CONFLICT DO NOTHING`,
    values: [DEFAULT_TENANT, id],
  })
  await fresh.query({
    text: `INSERT INTO campaigns
        (tenant_id, id, version_id, agent_id, daily_budget_usd_micros, audit_id)
      VALUES ($1, $2, new_version(), $2, $3, new_version())`,
    values: [DEFAULT_TENANT, id, daily.toString()],
  })
}

async function counted(kind: Kind, scopeId: string): Promise<{ spent: bigint; reserved: bigint }> {
  const [row] = await pool.query<{ spent: string; reserved: string }>({
    text: `SELECT spent, reserved FROM budgets WHERE scope = $1 AND scope_id = $2 AND asset = $3`,
    values: [kind.scope, scopeId, kind.asset],
  })
  return { spent: BigInt(row?.spent ?? 0), reserved: BigInt(row?.reserved ?? 0) }
}

async function expectCapHeld(rounds: number, database: Database): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of KINDS) {
      const scopeId = kind.scope === 'tenant' ? DEFAULT_TENANT : `s-${newId()}`
      if (kind.scope === 'tenant') await forgetTenant()
      await cap(kind, scopeId)
      const first = await race(database, scopeId)
      expect(first.length, `${kind.scope} ${kind.asset}`).toBe(FITS)
      const full = kind.price * BigInt(FITS)
      expect(await counted(kind, scopeId)).toEqual({ spent: 0n, reserved: full })
      // Four come back unused, and exactly four find room.
      for (const id of first.slice(0, 4)) {
        await settleModelCall(pool, { id, usdMicros: 0n, tokens: 0n })
      }
      const second = await race(database, scopeId)
      expect(second.length).toBe(4)
      for (const id of [...first.slice(4), ...second]) {
        await settleModelCall(pool, { id, usdMicros: PRICE, tokens: 7n })
      }
      expect(await counted(kind, scopeId)).toEqual({ spent: full, reserved: 0n })
      expect(await race(database, scopeId)).toEqual([])
      if (kind.scope === 'tenant') {
        const of = { tenantId: DEFAULT_TENANT, modes: ['live'], actor: 'test' } as const
        await setCap(pool, { ...of, scope: 'tenant', scopeId, asset: 'USD', cap: 'default' })
      }
    }
  }
}

/** The one tenant has one counter a day: another round begins with a fresh one. */
async function forgetTenant(): Promise<void> {
  await fresh.query({ text: `DELETE FROM budget_reservations WHERE scope = 'tenant'` })
  await fresh.query({ text: `DELETE FROM budgets WHERE scope = 'tenant'` })
}

guarantee(
  {
    id: 'budget-race',
    title:
      '50 racing workers reach a cap exactly and never pass it; what is released is used again',
    n: sampleSize({ ci: 1, full: 100 }),
    seed: 1,
    timeoutMs: sampleSize({ ci: 60_000, full: 3_600_000 }),
  },
  ({ n }) => expectCapHeld(n, pool),
)

control(
  {
    guard: 'the reservation under a lock, and the trigger behind it',
    test: 'budget-race',
    // More of them than fit, never fewer.
    expect: /expected (?:1[1-9]|[2-5]\d) to be 10/,
    timeoutMs: 60_000,
  },
  async () => {
    await fresh.query({ text: 'ALTER TABLE budgets DISABLE TRIGGER budgets_grow_within_cap' })
    const careless: Database = {
      ...pool,
      transaction: (work) =>
        pool.transaction((tx) =>
          work({
            query: (statement) =>
              statement.name === 'reserve-budgets'
                ? checkThenInsert(tx, statement.values ?? [])
                : tx.query(statement),
          }),
        ),
    }
    await expectCapHeld(1, careless)
  },
)

/** Looks whether there is room, and then takes it: what everybody writes first. */
async function checkThenInsert<Row>(tx: Sql, values: unknown[]): Promise<Row[]> {
  const [, ...lines] = values
  const given = `unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::numeric[], $8::numeric[]) AS l(t, s, i, m, a, p, x, o)`
  const day = `CASE WHEN p = 'day' THEN (now() AT TIME ZONE 'UTC')::date ELSE 'epoch' END`
  const key = `(b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day) = (t, s, i, m, a, ${day})`
  await tx.query({
    text: `INSERT INTO budgets (tenant_id, scope, scope_id, mode, asset, day)
      SELECT t, s, i, m, a, ${day} FROM ${given} WHERE $7::numeric[] IS NOT NULL
      ON CONFLICT DO NOTHING`,
    values: lines,
  })
  const full = await tx.query({
    text: `SELECT 1 FROM ${given} JOIN budgets b ON ${key}
      WHERE b.spent + b.reserved + x > budget_cap(t, s, i, m, a, p, o)`,
    values: lines,
  })
  await tx.query({ text: 'SELECT pg_sleep(0.02)' })
  const kind = full.length > 0 ? 'refused' : 'granted'
  if (kind === 'granted') {
    await tx.query({
      text: `UPDATE budgets b SET reserved = b.reserved + x FROM ${given} WHERE ${key}
        AND $8::numeric[] IS NOT NULL`,
      values: lines,
    })
  }
  return tx.query<Row & Record<string, unknown>>({
    text: `SELECT $1 AS kind, 0 AS request, '0' AS cap, '0' AS used, '0' AS amount`,
    values: [kind],
  })
}
