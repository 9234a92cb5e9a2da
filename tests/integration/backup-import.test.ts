import { effectKey } from '@chimera/contracts/effect'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { enterBoots } from '@chimera/infra/database/backup/enter-boots'
import { holdSlots } from '@chimera/infra/database/backup/hold-slots'
import { importWords } from '@chimera/infra/database/backup/import-words'
import type { LedgerHead, LedgerWord } from '@chimera/infra/database/backup/ledger-word'
import { recount } from '@chimera/infra/database/backup/recount'
import { renewRecord } from '@chimera/infra/database/backup/renew-record'
import { commitPlans } from '@chimera/infra/database/goals/commit-plans'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { loadBoots } from '@chimera/infra/database/judging/sign-hellos'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { findGoal } from '@chimera/infra/database/views/find-goal'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'

const tool = 'post_tweet'
const account = 'x-simulated'
const mode = 'paper'
const boots = [newId(), newId()]
const [first = '', second = ''] = boots
const head: LedgerHead = {
  account,
  server: 'tweet',
  ledgerId: newId(),
  boot: second,
  seq: 100,
  boots: boots.map((boot) => ({ boot, startedAt: '2026-01-01T00:00:00.000Z' })),
  fences: [
    { scope: 'everything', epoch: 7, stopped: false },
    { scope: 'agent:a', epoch: 3, stopped: true },
  ],
  kill: { everything: 3 },
}
const keyOf = (goal: string) =>
  effectKey({ tenant: DEFAULT_TENANT, account, goal, slot: 'publish', tool, mode })

let database: FreshDatabase
beforeEach(async () => {
  database = await openFreshDatabase()
  const bindings = [{ tenantId: DEFAULT_TENANT, agentId: '*', tool }]
  const at = { account, server: 'tweet', url: 'http://127.0.0.1:1', backend: 'simulated' }
  await upsertAccount(database, { ...at, live: false, bindings })
})
afterEach(() => database[Symbol.asyncDispose]())

/** A goal of one tweet, planned, with nothing granted. */
async function plan(id: string): Promise<string> {
  const taskId = newId()
  await database.transaction(async (tx) => {
    const audit = draftAudit()
    const goal = { text: `publish a tweet: ${id}`, mode } as const
    const own = { tenantId: DEFAULT_TENANT, source: 'http', trust: 'owner' } as const
    const [row] = await insertGoals(tx, [{ ...own, id, goal }], audit)
    const task = { id: taskId, type: 'ENGAGEMENT', kind: 'tweet.post', payload: {} } as const
    const tasks = [{ ...task, constraints: {}, dependsOn: [] }]
    const slots = [{ slot: 'publish', tool, limit: 1 }]
    const planned = { planner: 'rules@1', tasks, slots, hash: 'h' }
    const of = { tenantId: DEFAULT_TENANT, goalId: id, versionId: row?.versionId ?? '' }
    await commitPlans(tx, [{ ...of, plan: planned }], audit)
    await appendAudit(tx, audit, 'test')
  })
  return taskId
}

/** A round as the Judge had granted it before the backup. */
async function grant(goal: string, taskId: string, grantId = newId()): Promise<string> {
  await database.query({
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, cost_usd_micros,
        grant_id, grant_jws, granted_at, grant_expires_at, boot, audit_id)
      VALUES ($1, $2, $3, $4, 1, 'publish', 1, $5, $1, 'GRANTED', $6, $7, $8, '{}',
        repeat('a', 64), '{}', 10, $9, 'jws', now(), now(), $10, $1)`,
    values: [
      newId(),
      DEFAULT_TENANT,
      goal,
      taskId,
      keyOf(goal),
      tool,
      account,
      mode,
      grantId,
      first,
    ],
  })
  return grantId
}

let seq = 0
const word = (goal: string, other: Partial<LedgerWord>): LedgerWord => ({
  effectKey: keyOf(goal),
  round: 1,
  grantId: newId(),
  argsHash: 'a'.repeat(64),
  tool,
  mode,
  scope: { tenant: DEFAULT_TENANT, agent: 'default', goal, task: newId(), slot: 'publish' },
  boot: first,
  state: 'CONFIRMED',
  code: null,
  detail: null,
  isSimulated: true,
  args: { text: goal },
  costUsdMicros: '10',
  claimedAt: '2026-01-01T00:00:01.000Z',
  settledAt: '2026-01-01T00:00:02.000Z',
  providerRef: other.state === undefined || other.state === 'CONFIRMED' ? newId() : null,
  url: null,
  retryAfterMs: null,
  seq: (seq += 1),
  ...other,
})
const bring = async (...words: LedgerWord[]) => {
  await enterBoots({ database, ledger: head })
  return importWords({ database, ledger: head, words })
}
const effects = async (goal: string) =>
  (await findGoal(database, { tenantId: DEFAULT_TENANT, goalId: goal }))?.effects ?? []

describe('what a ledger knows', () => {
  test.each([
    ['CONFIRMED', 'CONFIRMED'],
    ['UNKNOWN', 'UNKNOWN'],
    ['VOID', 'EXPIRED'],
    ['REFUSED', 'REFUSED'],
    ['NOT_SENT', 'NOT_SENT'],
    ['NEEDS_HUMAN', 'NEEDS_HUMAN'],
  ] as const)(
    'as %s is %s in the record, and a second import changes nothing',
    async (said, is) => {
      const grantId = await grant('g', await plan('g'))
      const one = word('g', { state: said, grantId })
      expect(await bring(one)).toMatchObject({ settled: 1, made: 0, differs: [] })
      const [row] = await database.query<{ state: string; receipt_state: string }>({
        text: 'SELECT state, receipt_state FROM effects',
      })
      expect(row).toEqual({ state: is, receipt_state: said })
      expect(await bring(one)).toMatchObject({ same: 1, settled: 0, made: 0, differs: [] })
    },
  )

  test('of later rounds is added, and ends what was open before', async () => {
    const old = await grant('g', await plan('g'))
    const sum = await bring(
      word('g', { round: 1, grantId: old, state: 'NOT_SENT' }),
      word('g', { round: 2, state: 'VOID' }),
      word('g', { round: 3 }),
    )
    expect(sum).toMatchObject({ settled: 1, made: 2, differs: [] })
    expect((await effects('g')).map(({ round, state }) => [round, state])).toEqual([
      [1, 'NOT_SENT'],
      [2, 'EXPIRED'],
      [3, 'CONFIRMED'],
    ])
  })

  test('of another grant in the slot is taken over', async () => {
    const old = await grant('g', await plan('g'))
    const holder = word('g', {})
    expect(await bring(holder)).toMatchObject({ adopted: 1, differs: [] })
    const [row] = await database.query({
      text: 'SELECT state, grant_id, adopted_from FROM effects',
    })
    expect(row).toEqual({ state: 'CONFIRMED', grant_id: holder.grantId, adopted_from: old })
  })

  test('of a goal that the record lost is shown, under a goal that ends with it', async () => {
    expect(await bring(word('lost', {}), word('lost-2', { state: 'UNKNOWN' }))).toMatchObject({
      made: 2,
    })
    const goal = await findGoal(database, { tenantId: DEFAULT_TENANT, goalId: 'lost' })
    expect(goal).toMatchObject({
      status: 'FAILED',
      failure: { code: 'RECORD_BEHIND' },
      tasks: [{ status: 'COMPLETED' }],
      effects: [{ state: 'CONFIRMED', args: { text: 'lost' } }],
    })
    expect(goal?.partial).toEqual([keyOf('lost')])
    expect(await effects('lost-2')).toMatchObject([{ state: 'UNKNOWN' }])
  })

  test('of a goal that waits to be planned ends it', async () => {
    await database.transaction(async (tx) => {
      const audit = draftAudit()
      const goal = { text: 'publish a tweet: x', mode } as const
      const own = { tenantId: DEFAULT_TENANT, source: 'http', trust: 'owner' } as const
      await insertGoals(tx, [{ ...own, id: 'waits', goal }], audit)
      await appendAudit(tx, audit, 'test')
    })
    await bring(word('waits', {}))
    const goal = await findGoal(database, { tenantId: DEFAULT_TENANT, goalId: 'waits' })
    expect(goal).toMatchObject({ status: 'FAILED', effects: [{ state: 'CONFIRMED' }] })
  })

  test('of outside clients stays in the ledger', async () => {
    const client = word('c', { effectKey: 'client:p:k', scope: {} })
    expect(await bring(client)).toMatchObject({ clients: 1, made: 0 })
  })

  test('of two effects with one object of the provider is told', async () => {
    await plan('a')
    await plan('b')
    const sum = await bring(word('a', { providerRef: '1' }), word('b', { providerRef: '1' }))
    expect(sum.differs).toMatchObject([{ effect_key: keyOf('b') }])
  })

  test('counts: open rounds are reserved, what happened is spent, the rest is free', async () => {
    const granted = await grant('open', await plan('open'))
    await plan('done')
    await plan('void')
    await bring(word('done', {}), word('void', { state: 'VOID' }))
    await bring(word('open', { grantId: granted, state: 'UNKNOWN' }))
    const { budgets } = await recount({ database })
    const ofGoals = budgets.filter(({ scope }) => scope === 'goal')
    const sums = ofGoals.map(({ scope_id: goal, reserved, spent }) => [goal, { reserved, spent }])
    expect(Object.fromEntries(sums)).toEqual({
      done: { reserved: '0', spent: '10' },
      open: { reserved: '10', spent: '0' },
    })
    const ofAgent = budgets.filter(({ scope }) => scope === 'agent')
    const sum = (of: 'reserved' | 'spent') => ofAgent.reduce((all, one) => all + Number(one[of]), 0)
    expect({ reserved: sum('reserved'), spent: sum('spent') }).toEqual({ reserved: 10, spent: 10 })
  })
})

test('the new life knows boots and highest seq, is closed, and stopped above all', async () => {
  const task = await plan('g')
  await grant('g', task)
  await database.query({
    text: `UPDATE tasks SET status = 'REVIEW', phase = 'granted' WHERE id = $1`,
    values: [task],
  })
  await bring(word('other', { seq: 42 }))
  const life = await renewRecord({ database, ledgers: [head] })
  expect(life.incarnation).not.toBe(life.previous)
  expect(life.fence).toEqual({ scope: 'everything', epoch: 8 })
  const fences = await database.query({
    text: 'SELECT scope, epoch::int, stopped FROM fences ORDER BY scope',
  })
  expect(fences).toEqual([
    { scope: 'agent:a', epoch: 3, stopped: true },
    { scope: 'everything', epoch: 8, stopped: true },
  ])
  const levels = await database.query({ text: 'SELECT scope, level, actor FROM kill_levels' })
  expect(levels).toEqual([{ scope: 'everything', level: 3, actor: 'restore' }])
  const [boot] = await loadBoots(database, [second])
  expect(boot).toMatchObject({ knownBoots: boots.toSorted(), highestSeq: 42 })
  const [state] = await database.query({ text: 'SELECT state, boot FROM tool_accounts' })
  expect(state).toEqual({ state: 'closed', boot: null })
  const [row] = await database.query({
    text: 'SELECT phase FROM tasks WHERE id = $1',
    values: [task],
  })
  expect(row).toEqual({ phase: 'judging' })
})

test('both rolled back: every slot that is not confirmed needs a person', async () => {
  await plan('untouched')
  await grant('granted', await plan('granted'))
  await plan('done')
  await plan('closed')
  await bring(word('done', {}), word('closed', { state: 'NOT_SENT' }))
  const { held } = await holdSlots({ database, accounts: [account] })
  expect(held.map(({ scope, round }) => [scope.goal, round])).toEqual([
    ['closed', 2],
    ['granted', 1],
    ['untouched', 1],
  ])
  for (const id of ['untouched', 'granted', 'closed'])
    expect((await effects(id)).at(-1)).toMatchObject({ state: 'NEEDS_HUMAN' })
  expect(await effects('done')).toMatchObject([{ state: 'CONFIRMED' }])
})
