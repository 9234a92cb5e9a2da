/** A Keeper sees the tenants of the page in its hands, whatever its statements should forget. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { MAX_LEASES_LOST } from '@chimera/domain/retry'
import { expireApprovals } from '@chimera/infra/database/approvals/expire-approvals'
import { settleLapsedCalls } from '@chimera/infra/database/budgets/model-spend'
import { takeFence } from '@chimera/infra/database/fences/take-fence'
import { takeKill } from '@chimera/infra/database/kill/raise-kill'
import {
  type Database,
  type DatabaseRole,
  openDatabase,
} from '@chimera/infra/database/open-database'
import { findOpenSettlements } from '@chimera/infra/database/settlements/find-open-settlements'
import { endDeadGrants } from '@chimera/infra/database/sweeps/end-dead-grants'
import { findEndingGrants } from '@chimera/infra/database/sweeps/find-questions'
import { findGrants, loadWaitingGrants } from '@chimera/infra/database/sweeps/find-waiting'
import { readOverview } from '@chimera/infra/database/sweeps/read-overview'
import { BEGINNING, type FoundKey } from '@chimera/infra/database/sweeps/read-swept'
import { releaseLostLeases } from '@chimera/infra/database/sweeps/release-lost-leases'
import type { Publication } from '@chimera/infra/streams/publisher'
import { publishTasks } from '@chimera/keeper/duties/publish-tasks'
import { fileReceipts } from '@chimera/keeper/effects/file-receipts'
import { openLog } from '@chimera/runtime/log'
import { expect, test } from 'vitest'

import { seenThrough } from '../faults/model/without.ts'
import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { insertEffect } from '../integration/effects/effect-in-state.ts'
import {
  ACCOUNT,
  effectsOf,
  openJudgeRig,
  plannedGoal,
  receiptFor,
} from '../integration/judge-rig.ts'
import { forgetful, overlooked, type Whose } from './overlooked.ts'

const log = openLog({ name: 'swarm-keeper', level: 'silent' })
const actor = 'keeper-1'

/** What a sweep found, forgotten: whatever is in the same state will do. */
const ANY = '$1::uuid[] IS NOT NULL'

/** Statements of the Keeper, and the words in which each says whose rows it is about. */
const WHOSE: Whose = {
  'lost-leases': [['id = ANY($1::uuid[])', ANY]],
  'count-ended': [['WHERE g.tenant_id = l.tenant_id AND', 'WHERE']],
  'waiting-grants': [['id = ANY($1::uuid[])', ANY]],
  'dead-grants': [['e.id = ANY($1::uuid[])', ANY]],
  'ending-grants': [['e.id = ANY($1::uuid[])', ANY]],
  'open-settlements': [['s.id = ANY($1::uuid[])', ANY]],
  'lock-tasks-of-late-approvals': [['t.id = ANY($1::uuid[])', ANY]],
  'end-lapsed-calls': [['id = ANY($1::uuid[])', ANY]],
  'load-wire-tasks': [['t.id = ANY($1::uuid[])', ANY]],
}

/** Tasks that each of the goals has open, so that none of them ends here. */
const OPEN = 5
/** As many as are in one page; the third tenant is in the next. */
const limit = 2

type Rig = Awaited<ReturnType<typeof openJudgeRig>>

/** What every tenant has that is due. */
type Due = Readonly<{ tenantId: string; lost: string; asked: string; effect: string }>

/** A goal of one name for each of three tenants; what is due is so in the order of the tenants. */
async function people({ database }: Rig, id: string): Promise<Due[]> {
  const all: Due[] = []
  for (const secondsAgo of [30, 20, 10]) {
    const tenantId = newId()
    await database.query({
      text: `INSERT INTO tenants (id, name) VALUES ($1::uuid, $1::text)`,
      values: [tenantId],
    })
    const goal = { id, tenantId, tasks: [{}, {}] }
    const [lost = '', asked = ''] = await plannedGoal(database, goal)
    const effect = await insertEffect(database, {
      state: 'GRANTED',
      tool: 'post_tweet',
      slot: 'publish',
      account: ACCOUNT,
      kind: 'tweet.post',
      type: 'CONTENT_GEN',
      tenantId,
    })
    await makeDue(database, { tenantId, lost, asked, effect }, secondsAgo)
    all.push({ tenantId, lost, asked, effect })
  }
  return all
}

async function makeDue(database: Database, due: Due, secondsAgo: number): Promise<void> {
  const { tenantId, lost, asked, effect } = due
  const ago = `now() - ${secondsAgo} * interval '1 second'`
  const run = (text: string, ...values: unknown[]) => database.query({ text, values })
  await run(
    `UPDATE goals SET tasks_open = ${OPEN}, tasks_total = ${OPEN},
    version_id = new_version() WHERE tenant_id = $1`,
    tenantId,
  )
  await run(
    `UPDATE tasks SET status = 'IN_PROGRESS', phase = 'running', lease_owner = 'worker-1',
    lease_until = ${ago}, leases_lost = ${MAX_LEASES_LOST - 1} WHERE id = $1`,
    lost,
  )
  await run(`UPDATE tasks SET phase = 'awaiting_approval' WHERE id = $1`, asked)
  await run(
    `INSERT INTO approvals (id, tenant_id, goal_id, task_id, attempt, version_id, subject,
      state, effect_key, args_hash, mode, policy_version, args, provenance, agent_id, requester,
      needed, not_requester, asked, cost_usd_micros, confidence, expires_at, audit_id)
    SELECT $2, tenant_id, goal_id, id, 1, $2, 'result', 'REQUESTED', tenant_id, 'hash', 'paper',
      '1', '{}', '{}', 'default', 'owner', 1, false, '[]', 0, 1, ${ago}, $2
    FROM tasks WHERE id = $1`,
    asked,
    newId(),
  )
  await run(
    `UPDATE effects SET granted_at = ${ago}, grant_expires_at = ${ago} WHERE id = $1`,
    effect,
  )
  await run(
    `INSERT INTO effect_settlements (id, effect_id, outcome, reason, actor, requested_at)
    VALUES ($2, $1, 'did_not_happen', 'I looked', 'owner', ${ago})`,
    effect,
    newId(),
  )
  await run(
    `INSERT INTO model_spends (id, tenant_id, agent_id, model, usd_micros, tokens,
      lease_until)
    VALUES ($2, $1, 'default', 'scripted', 0, 0, ${ago})`,
    tenantId,
    newId(),
  )
}

/** How it stands with what is due of a tenant, and with its goal. */
async function standing({ database }: Rig, { tenantId, lost, asked, effect }: Due) {
  const [row] = await database.query({
    text: `SELECT g.tasks_open AS open, l.phase AS lost, a.phase AS asked, e.cancelling AS ending,
        s.ended AS call, p.state AS approval
      FROM goals g, tasks l, tasks a, effects e, model_spends s, approvals p
      WHERE g.tenant_id = $1 AND g.id = l.goal_id AND l.id = $2 AND a.id = $3 AND e.id = $4
        AND s.tenant_id = $1 AND p.tenant_id = $1`,
    values: [tenantId, lost, asked, effect],
  })
  return row
}

const UNTOUCHED = {
  open: OPEN,
  lost: 'running',
  asked: 'awaiting_approval',
  ending: false,
  call: null,
  approval: 'REQUESTED',
}
const DONE = {
  open: OPEN - 1,
  lost: 'dead',
  asked: 'judging',
  ending: true,
  call: 'lapsed',
  approval: 'EXPIRED',
}

/** More pages of two than there is anything in. */
const MOST_PAGES = 5

/** Everything that moves rows: a page of each, or one behind the other while there are more. */
async function move(database: Database, pages = 1): Promise<void> {
  const page = { actor, limit, maxLeasesLost: MAX_LEASES_LOST }
  for (const mover of [releaseLostLeases, expireApprovals, settleLapsedCalls, endDeadGrants]) {
    let after: FoundKey | null = null
    for (let n = 0; n < pages; n += 1) {
      const moved: { after: FoundKey | null } = await mover(database, { ...page, after })
      after = moved.after
      if (after === null) break
    }
  }
}

/** Everything that reads rows, a page each: whose they are. */
async function readPage(database: Database, page: readonly Due[]): Promise<string[]> {
  const waiting = page.map(({ effect: id, tenantId }) => ({ id, tenantId }))
  const published: Publication[] = []
  await publishTasks(depsOf(database, published), {
    tasks: page.map(({ lost: id, tenantId }) => ({ id, tenantId })),
  })
  return [
    ...published.map(({ tenant = '' }) => tenant),
    ...(await loadWaitingGrants(database, waiting)).map(({ tenantId }) => tenantId),
    ...(await findOpenSettlements(database, { limit })).map(({ tenantId }) => tenantId),
  ]
}

const depsOf = (database: Database, published: Publication[]) => ({
  database,
  log,
  actor,
  crash: Object.assign(() => {}, { isArmed: false }),
  publisher: {
    publish: (batch: readonly Publication[]) => {
      published.push(...batch)
      return Promise.resolve()
    },
  },
})

type Of = { role?: DatabaseRole }

const openKeeper = (rig: Rig, of: Of): Database =>
  openDatabase({ url: urlAs(of.role, rig.databaseUrl), name: 'keeper', log, max: 3, ...of })

/**
 * What a forgetful Keeper that works on a page of two tenants sees of the third's rows and does to
 * them; and that the next page is the third's.
 */
async function expectPageAlone(rig: Rig, of: Of): Promise<void> {
  const all = await people(rig, newId())
  const [own, second, other] = all
  if (own === undefined || second === undefined || other === undefined) {
    throw new Error('There are three tenants.')
  }
  await using opened = openKeeper(rig, of)
  const seen = new Set<string>()
  const database = overlooked(forgetful(opened, WHOSE), (tenantId) => seen.add(tenantId))

  const read = new Set(await readPage(database, [own, second]))
  await move(database)
  // The first of those that are being voided now, and not the one behind it.
  const [ending, ...beside] = await findEndingGrants(database, { limit: 1 })
  const faults = [
    ...(seen.has(other.tenantId) ? ['it could see a tenant beside its page'] : []),
    ...(read.has(other.tenantId) ? ['it read what is not in its page'] : []),
    ...(beside.length > 0 ? ['it read a question that is not in its page'] : []),
  ]
  const others = await standing(rig, other)
  for (const [what, was] of Object.entries(UNTOUCHED)) {
    if (others?.[what] !== was) faults.push(`it moved ${what} of another tenant`)
  }
  expect(faults).toEqual([])
  expect([...seen].toSorted()).toEqual([own.tenantId, second.tenantId].toSorted())
  expect([...read].toSorted()).toEqual([own.tenantId, second.tenantId].toSorted())
  expect(ending).toMatchObject({ effectId: own.effect, tenantId: own.tenantId })
  for (const due of [own, second]) expect(await standing(rig, due)).toEqual(DONE)

  await move(database)
  expect(await standing(rig, other)).toEqual(DONE)
}

guarantee(
  {
    id: 'keeper-tenants-alone',
    title: 'a keeper that forgets what it found moves rows of the tenants of its page alone',
    n: 1,
    seed: 79,
  },
  async () => {
    await using rig = await openJudgeRig()
    await expectPageAlone(rig, { role: 'chimera_swarm' })
  },
)

const failed = { test: 'keeper-tenants-alone', expect: /to deeply equal \[\]/ }

control({ guard: 'the step down to the role of the swarm', ...failed }, async () => {
  await using rig = await openJudgeRig()
  await expectPageAlone(rig, {})
})

control({ guard: 'the policies of the swarm', ...failed }, async () => {
  await using rig = await openJudgeRig()
  const tables = ['goals', 'tasks', 'tenants', 'audit_entries', 'effects', 'approvals']
  for (const table of [...tables, 'model_spends']) {
    await rig.database.query({ text: `ALTER POLICY batch_tenants ON ${table} USING (true)` })
  }
  await expectPageAlone(rig, { role: 'chimera_swarm' })
})

/** Moves what is due while somebody else has the rows of the whole first page in hand. */
async function expectLockedHideNone(rig: Rig, through = (given: Database) => given): Promise<void> {
  const [own, second, other] = await people(rig, newId())
  if (own === undefined || second === undefined || other === undefined) {
    throw new Error('There are three tenants.')
  }
  const page = [own, second]
  await using database = openKeeper(rig, { role: 'chimera_swarm' })
  await rig.database.transaction(async (tx) => {
    for (const table of ['tasks', 'effects', 'model_spends']) {
      await tx.query({
        text: `SELECT FROM ${table} WHERE tenant_id = ANY($1::uuid[]) FOR UPDATE`,
        values: [page.map(({ tenantId }) => tenantId)],
      })
    }
    await move(through(database), MOST_PAGES)
    expect(await standing(rig, other)).toEqual(DONE)
  })
  for (const due of page) expect(await standing(rig, due)).toEqual(UNTOUCHED)
  await move(database)
  for (const due of page) expect(await standing(rig, due)).toEqual(DONE)
}

guarantee(
  {
    id: 'locked-hide-none',
    title: 'rows that somebody else has locked hide none of those that are due behind them',
    n: 1,
    seed: 89,
  },
  async () => {
    await using rig = await openJudgeRig()
    await expectLockedHideNone(rig)
  },
)

const FINDERS = new Set(['leases_lost', 'approvals_late', 'calls_lapsed', 'grants_dead'])

control(
  {
    guard: 'the place where the next page begins',
    test: 'locked-hide-none',
    expect: /to deeply equal/,
  },
  async () => {
    await using rig = await openJudgeRig()
    const fromTheBeginning = (given: Database) =>
      seenThrough(given, {
        ask: (statement) =>
          FINDERS.has(statement.name ?? '')
            ? { ...statement, values: (statement.values ?? []).with(0, BEGINNING) }
            : statement,
      })
    await expectLockedHideNone(rig, fromTheBeginning)
  },
)

const receiptsOf = (rig: Rig) =>
  rig.database.query<{ grant_id: string; carried_by: string }>({
    text: 'SELECT grant_id, carried_by FROM receipts ORDER BY id',
  })

/**
 * Files what a ledger answered for two tenants: the receipt of one's grant that was asked about,
 * and that of a grant that the record does not know, which holds the slot of the other.
 */
async function expectReceiptsFiled(rig: Rig): Promise<void> {
  const [own, second] = await people(rig, newId())
  if (own === undefined || second === undefined) throw new Error('There are three tenants.')
  await using database = openKeeper(rig, { role: 'chimera_swarm' })
  const [known, held] = await Promise.all([own, second].map((due) => effectRow(rig, due)))
  if (known === undefined || held === undefined) throw new Error('Each has an effect.')
  const receipts = [
    await rig.sign(receiptFor(known)),
    await rig.sign(receiptFor({ ...held, grant_id: newId() })),
  ]
  const askedFor = new Set([known.grant_id, held.effect_key])
  const published: Publication[] = []
  const deps = depsOf(database, published)
  expect(await fileReceipts(deps, { receipts, askedFor, noNews: [] })).toBe(2)
  expect(published).toHaveLength(2)
  expect((await receiptsOf(rig)).map((row) => row.carried_by)).toEqual([actor, actor])
}

async function effectRow({ database }: Rig, { effect, tenantId }: Due) {
  const [goal] = await database.query<{ goal_id: string }>({
    text: 'SELECT goal_id FROM effects WHERE id = $1 AND tenant_id = $2',
    values: [effect, tenantId],
  })
  const [row] = await effectsOf(database, goal?.goal_id ?? '')
  return row
}

guarantee(
  {
    id: 'stray-receipts-filed',
    title: 'a keeper files what a ledger answers, also of a grant that the record does not know',
    n: 1,
    seed: 83,
  },
  async () => {
    await using rig = await openJudgeRig()
    await expectReceiptsFiled(rig)
  },
)

control(
  {
    guard: 'the policy for receipts of nobody',
    test: 'stray-receipts-filed',
    expect: /row-level security policy/,
  },
  async () => {
    await using rig = await openJudgeRig()
    await rig.database.query({ text: 'DROP POLICY receipts_of_nobody ON receipts' })
    await expectReceiptsFiled(rig)
  },
)

test('a keeper of no tenant looks at the whole record, and writes for the house', async () => {
  await using rig = await openJudgeRig()
  await people(rig, newId())
  await using database = openKeeper(rig, { role: 'chimera_swarm' })
  expect(await database.query({ text: 'SELECT FROM tasks' })).toEqual([])
  expect(await readOverview(database, { isPrepared: false })).toMatchObject({
    lostLeases: true,
    deadGrants: true,
    settlements: true,
    lateApprovals: true,
    lapsedCalls: true,
    idle: false,
    accounts: [{ account: ACCOUNT }],
  })
  const word = { scope: 'everything', actor, reason: 'raised at the server' }
  await takeFence(database, { ...word, epoch: 7, isSurelyStopped: false })
  await takeKill(database, { ...word, epoch: 3 })
  const trail = await rig.database.query({
    text: `SELECT tenant_id, items -> 0 ->> 'subject' AS subject FROM audit_entries
      WHERE actor = $1 ORDER BY id`,
    values: [actor],
  })
  expect(trail).toEqual([
    { tenant_id: DEFAULT_TENANT, subject: 'fence' },
    { tenant_id: DEFAULT_TENANT, subject: 'kill' },
  ])
})

test('whoever serves people may ask none of what a keeper asks', async () => {
  await using rig = await openJudgeRig()
  await people(rig, newId())
  // As every run of the migrations does: it grants whatever looks like a table.
  await rig.database.query({ text: 'SELECT protect_tenants()' })
  await using database = openKeeper(rig, { role: 'chimera_gateway' })
  const asked = [
    () => readOverview(database, { isPrepared: false }),
    () => findGrants(database, { which: 'all', after: null, limit }),
    () => endDeadGrants(database, { actor, limit }),
    () => findOpenSettlements(database, { limit }),
  ]
  for (const ask of asked) await expect(ask()).rejects.toThrow(/permission denied/)
})
