/** A Planner sees the tenants of the goals in its hands, whatever its statements should forget. */
import { newId } from '@chimera/contracts/ids'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { openDatabase } from '@chimera/infra/database/open-database'
import type { Entry } from '@chimera/infra/streams/parse-entry'
import { openGoalHandler, recoverGoals } from '@chimera/planner/handle-goals'
import type { GoalEntry } from '@chimera/planner/read-goal-entry'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { audited, openPlannerRig, type PlannerRig } from '../integration/planner-rig.ts'
import { forgetful, overlooked, type Whose } from './overlooked.ts'

const log = openLog({ name: 'swarm-planner', level: 'silent' })

/** Statements of the Planner, and the words in which each says whose rows it is about. */
const WHOSE: Whose = {
  'lease-goals': [
    ['(g.tenant_id, g.id) IN (SELECT * FROM', 'g.id IN (SELECT k.id FROM'],
    ['unnest($3::uuid[], $4::text[]))', 'unnest($3::uuid[], $4::text[]) AS k(tenant_id, id))'],
  ],
  'commit-plans': [['g.tenant_id = u.tenant_id AND', '']],
}

let rig: PlannerRig
beforeAll(async () => {
  rig = await openPlannerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

type GoalRow = { tenant_id: string; status: string; lease_owner: string | null; tasks: number }

const goalsOf = (id: string) =>
  rig.database.query<GoalRow>({
    text: `SELECT g.tenant_id, g.status, g.lease_owner, (SELECT count(*)::int FROM tasks t
        WHERE t.tenant_id = g.tenant_id AND t.goal_id = g.id) AS tasks
      FROM goals g WHERE g.id = $1`,
    values: [id],
  })

/** Goals of one name, each of another tenant's; nobody has planned them. */
async function people(id: string): Promise<string[]> {
  const tenants = [newId(), newId(), newId()]
  for (const tenantId of tenants) {
    await rig.database.query({
      text: `INSERT INTO tenants (id, name) VALUES ($1::uuid, $1::text)`,
      values: [tenantId],
    })
    const goal = { text: 'noop 1', mode: 'paper' as const }
    const one = { tenantId, id, goal, source: 'cli' as const, trust: 'owner' as const }
    await audited(rig.database, (tx, audit) => insertGoals(tx, [one], audit))
  }
  return tenants
}

const ringFor = (tenantId: string, id: string): Entry<GoalEntry> => ({
  id: '1-0',
  stream: 'chimera:goals',
  deliveries: 1,
  envelope: { tenant: tenantId },
  raw: { id: '1-0', fields: [] },
  value: { kind: 'ring', tenantId, id, missing: 'GOAL_NOT_FOUND' },
})

/**
 * What a forgetful Planner that is rung for the goals of two tenants sees and moves of the third's
 * goal, which has the same name.
 */
async function expectBatchAlone(of: { role?: 'chimera_swarm' }): Promise<void> {
  const id = newId()
  const tenants = await people(id)
  const [own = '', second = '', other = ''] = tenants
  const url = urlAs(of.role, rig.database.databaseUrl)
  await using opened = openDatabase({ url, name: 'planner', log, max: 3, ...of })
  const seen = new Set<string>()
  const database = overlooked(forgetful(opened, WHOSE), (tenantId) => seen.add(tenantId))
  const deps = { ...rig.deps, actor: 'planner-forgetful', database }
  await openGoalHandler(deps)([ringFor(own, id), ringFor(second, id)])
  const rows = await goalsOf(id)
  const rowOf = (tenantId: string) => rows.find((row) => row.tenant_id === tenantId)
  const faults = [
    ...(seen.has(other) ? ['it could see a tenant beside its batch'] : []),
    ...(rowOf(other)?.status === 'RECEIVED' ? [] : ['it planned the goal of another tenant']),
    ...(rowOf(other)?.lease_owner === null ? [] : ['it leased the goal of another tenant']),
  ]
  expect(faults).toEqual([])
  expect([seen.has(own), seen.has(second)]).toEqual([true, true])
  for (const tenantId of [own, second]) {
    expect(rowOf(tenantId)).toMatchObject({ status: 'ACTIVE', tasks: 1 })
  }
  // What nobody rang for is taken up at the next start, whosever it is.
  expect(await recoverGoals({ ...rig.deps, actor: newId() })).toBe(1)
  expect(await goalsOf(id)).toMatchObject(tenants.map(() => ({ status: 'ACTIVE', tasks: 1 })))
}

guarantee(
  {
    id: 'planner-tenants-alone',
    title: 'a planner that forgets whose goals it leases gets those of its batch, and no others',
    n: 1,
    seed: 71,
  },
  () => expectBatchAlone({ role: 'chimera_swarm' }),
)

control(
  {
    guard: 'the step down to the role of the swarm',
    test: 'planner-tenants-alone',
    expect: /to deeply equal \[\]/,
  },
  () => expectBatchAlone({}),
)

control(
  {
    guard: 'the policies of the swarm',
    test: 'planner-tenants-alone',
    expect: /to deeply equal \[\]/,
  },
  async () => {
    for (const table of ['goals', 'tasks', 'tenants', 'audit_entries']) {
      await rig.database.query({ text: `ALTER POLICY batch_tenants ON ${table} USING (true)` })
    }
    await expectBatchAlone({ role: 'chimera_swarm' })
  },
)
