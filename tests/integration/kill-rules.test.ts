/** Orders that are filled far off what was expected: the brake goes on without a person. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { lowerKill } from '@chimera/infra/database/kill/lower-kill'
import { raiseKill } from '@chimera/infra/database/kill/raise-kill'
import { readKill } from '@chimera/infra/database/kill/read-kill'
import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'
import { beforeEach, expect, test } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'
import { insertEffect } from './effects/effect-in-state.ts'
import { judgeOfFile, receiptFor, type EffectRow } from './judge-rig.ts'

const rig = judgeOfFile()

const SCOPE = `tenant:${DEFAULT_TENANT}`
const WORD = { scope: SCOPE, reason: 'a test', actor: 'ann' }
const ACCOUNT = 'exchange-paper'
const BUY = { symbol: 'BTC', side: 'buy', size: '0.001', price: '50000', tif: 'ioc' }

beforeEach(reset)

async function reset(): Promise<void> {
  const held = (await readKill(rig.database)).get(SCOPE)
  if ((held?.level ?? 0) > 0) await lowerKill(rig.database, { ...WORD, level: 0, above: 0 })
}

type Order = Readonly<{ agentId: string; receiptId: string }>

/** An order that is granted, and its receipt on its way to the Judge. */
async function filled(
  facts: Record<string, string>,
  of: { tool?: string; args?: Record<string, unknown>; tenantId?: string } = {},
): Promise<Order> {
  const { tool = 'place_order', args = BUY, tenantId = DEFAULT_TENANT } = of
  const agentId = `trader-${newId()}`
  await rig.database.query({
    text: `INSERT INTO agents (tenant_id, id, version_id, audit_id)
      VALUES ($1, $2, new_version(), new_version())`,
    values: [tenantId, agentId],
  })
  const where = {
    tenantId,
    account: ACCOUNT,
    slot: 'order:1',
    type: 'TRANSACTION',
    kind: 'trading.order',
  }
  const id = await insertEffect(rig.database, { ...where, state: 'GRANTED', tool, agentId, args })
  const [effect] = await rig.database.query<EffectRow>({
    text: 'SELECT * FROM effects WHERE id = $1',
    values: [id],
  })
  if (effect === undefined) throw new Error('The effect is gone.')
  const claims = receiptFor(effect, {
    iss: ACCOUNT,
    tool,
    facts: { state: 'filled', side: 'buy', size: '0.001', filled_size: '0.001', ...facts },
  })
  return { agentId, receiptId: await rig.carry(await rig.sign(claims)) }
}

const judge = (orders: readonly Order[], deps: JudgeDeps = rig.deps): Promise<void> =>
  handleRings(
    deps,
    orders.map(({ receiptId: id }) => ({ look_at: 'receipt', id })),
  )

const level = async (): Promise<number> => (await readKill(rig.database)).get(SCOPE)?.level ?? 0

async function standing({ agentId }: Order): Promise<string | undefined> {
  const [row] = await rig.database.query<{ status: string }>({
    text: 'SELECT status FROM agents WHERE id = $1',
    values: [agentId],
  })
  return row?.status
}

test('half a percent is borne; a trace more raises the level and pauses the agent', async () => {
  const borne = await filled({ average_price: '50250' })
  await judge([borne])
  expect([await level(), await standing(borne)]).toEqual([0, 'ACTIVE'])

  const bad = await filled({ average_price: '50250.5' })
  rig.published.length = 0
  await judge([bad])
  expect([await level(), await standing(bad)]).toEqual([1, 'PAUSED'])
  expect((await readKill(rig.database)).get(SCOPE)).toMatchObject({
    auto: true,
    actor: 'judge-1',
    reason: expect.stringMatching(
      /^fill-off: .*more than 0\.5 % is too much \(effect .* of trader-/,
    ),
  })
  const [entry] = await rig.database.query({
    text: `SELECT items -> 0 AS item FROM audit_entries
      WHERE items -> 0 ->> 'subject' = 'kill' AND actor = 'judge-1'`,
  })
  expect(entry?.['item']).toMatchObject({ from: 'SAFE', to: 'CAUTION', auto: true })
  const shown = rig.published.map(({ payload }) => payload)
  expect(shown).toContainEqual(
    expect.objectContaining({
      type: 'kill.caution',
      summary: expect.stringContaining('SAFE -> CAUTION by rule'),
      data: expect.objectContaining({ auto: true, from: 'SAFE', to: 'CAUTION' }),
    }),
  )
  expect(shown).toContainEqual(expect.objectContaining({ type: 'agent.paused' }))
  const [fence] = await rig.database.query<{ epoch: string }>({
    text: 'SELECT epoch FROM fences WHERE scope LIKE $1',
    values: [`agent:%${bad.agentId}`],
  })
  expect(Number(fence?.epoch)).toBe(1)
})

test('the brake is of the tenant whose order it was; the house keeps the trail', async () => {
  const tenantId = newId()
  await rig.database.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1::uuid, $1::text)`,
    values: [tenantId],
  })
  const bad = await filled({ average_price: '51000' }, { tenantId })
  await judge([bad])
  expect(await standing(bad)).toBe('PAUSED')
  expect((await readKill(rig.database)).get(`tenant:${tenantId}`)?.level).toBeGreaterThan(0)
  expect(await level()).toBe(0)
  const trail = await rig.database.query({
    text: `SELECT tenant_id FROM audit_entries
      WHERE items @> jsonb_build_array(jsonb_build_object('subject', 'kill', 'id', $1::text))`,
    values: [`tenant:${tenantId}`],
  })
  expect(trail).toEqual([{ tenant_id: DEFAULT_TENANT }])
})

test('the mark of then counts for what acts at once, and not for what slept', async () => {
  const args = { ...BUY, price: '52000' }
  const facts = { average_price: '50300', mark_price: '50000' }
  const slept = await filled(facts, {
    args: { ...args, trigger: { kind: 'stop', price: '50200' } },
  })
  await judge([slept])
  expect([await level(), await standing(slept)]).toEqual([0, 'ACTIVE'])
  const atOnce = await filled(facts, { args })
  await judge([atOnce])
  expect([await level(), await standing(atOnce)]).toEqual([1, 'PAUSED'])
})

test('an exit that was sold too low counts; a better fill of any kind does not', async () => {
  const args = { symbol: 'BTC', size: 'all', price: '50000' }
  const better = await filled(
    { side: 'sell', average_price: '53000' },
    { args, tool: 'close_position' },
  )
  const worse = await filled(
    { side: 'sell', average_price: '49000' },
    { args, tool: 'close_position' },
  )
  await judge([better, worse])
  expect([await standing(better), await standing(worse)]).toEqual(['ACTIVE', 'PAUSED'])
  expect(await level()).toBe(1)
})

test('a level that is higher stays, with the word of whoever raised it', async () => {
  await raiseKill(rig.database, { ...WORD, level: 3 })
  const bad = await filled({ average_price: '51000' })
  await judge([bad])
  expect(await standing(bad)).toBe('PAUSED')
  expect((await readKill(rig.database)).get(SCOPE)).toMatchObject({ level: 3, actor: 'ann' })
})

test('a level that the operator has lowered is not raised by the same fill again', async () => {
  const bad = await filled({ average_price: '51000' })
  await judge([bad])
  await reset()
  await judge([bad])
  expect(await level()).toBe(0)
})

class Death extends Error {}

/** A Judge that dies before or behind the commit of what it settles. */
const dying = (at: string, deps: JudgeDeps): JudgeDeps => ({
  ...deps,
  crash: Object.assign(
    (label: string) => {
      if (label === at) throw new Death(label)
    },
    { isArmed: true },
  ),
})

/** One bad fill among good ones, and a Judge that dies somewhere; another one goes on. */
async function expectBraked(of: {
  n: number
  random: Random
  compose: (deps: JudgeDeps) => JudgeDeps
}): Promise<void> {
  const { n, random, compose } = of
  for (let round = 0; round < n; round += 1) {
    await reset()
    const prices = random.shuffle(['49000', '50000', String(random.integer(50_251, 60_000))])
    const orders: Order[] = []
    for (const price of prices) orders.push(await filled({ average_price: price }))
    const at = random.pick(['judge.settle.before_commit', 'judge.settle.committed'])
    await expect(judge(orders, compose(dying(at, rig.deps)))).rejects.toThrow(Death)
    // What the Keeper rings again: receipts that nobody has judged.
    await judge(orders, compose(rig.deps))
    expect(await level(), `the level after a bad fill and a death at ${at}`).toBe(1)
    const paused = await Promise.all(orders.map(standing))
    expect(paused).toEqual(prices.map((price) => (Number(price) > 50_250 ? 'PAUSED' : 'ACTIVE')))
  }
}

const claim = {
  id: 'bad-fill-brakes',
  title: 'a single bad fill raises the level and pauses its agent, wherever the Judge dies',
}
const N = sampleSize({ ci: 8, full: 500 })
guarantee({ ...claim, n: N, seed: 71, timeoutMs: 30_000 + N * 1_000 }, ({ n, random }) =>
  expectBraked({ n, random, compose: (deps) => deps }),
)

/** The level is written behind the transaction of the receipts, by whoever lives so long. */
function raisingBehind(deps: JudgeDeps): JudgeDeps {
  const { database } = deps
  const transaction: Database['transaction'] = async (work, scope) => {
    const behind: Statement[] = []
    const done = await database.transaction((tx) => {
      const query: Sql['query'] = (statement) => {
        if (statement.name !== 'write-kill') return tx.query(statement)
        behind.push(statement)
        const text = `SELECT $1::text AS scope, $2::bigint AS epoch, ($2::bigint % 6)::int AS level,
          $3::text AS reason, $4::text AS actor, $5::bool AS auto, now() AS changed_at`
        return tx.query({ ...statement, name: 'read-what-was-not-written', text })
      }
      return work({ query })
    }, scope)
    if (behind.length > 0) deps.crash('judge.settle.committed')
    for (const statement of behind) await database.query(statement)
    return done
  }
  return { ...deps, database: { ...database, transaction } }
}

control(
  {
    guard: 'the level in the transaction of the receipt',
    test: claim.id,
    expect: /the level after a bad fill and a death at judge\.settle\.committed/,
  },
  () => expectBraked({ n: 8, random: seeded(71), compose: raisingBehind }),
)

control(
  { guard: 'the price that was granted', test: claim.id, expect: /the level after a bad fill/ },
  () =>
    expectBraked({
      n: 1,
      random: seeded(71),
      compose: (deps) => {
        const transaction: Database['transaction'] = (work, scope) =>
          deps.database.transaction((tx) => {
            const query: Sql['query'] = (statement) =>
              statement.name === 'read-granted-orders'
                ? tx.query({ ...statement, name: 'no-orders', text: `${statement.text} LIMIT 0` })
                : tx.query(statement)
            return work({ query })
          }, scope)
        return { ...deps, database: { ...deps.database, transaction } }
      },
    }),
)
