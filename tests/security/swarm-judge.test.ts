/** A Judge sees the tenants of its batch, whatever its statements should forget. */
import { HelloClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { openDatabase } from '@chimera/infra/database/open-database'
import { handleRings } from '@chimera/judge/handle-rings'
import { openLog } from '@chimera/runtime/log'
import { decodeJwt } from 'jose'
import { expect } from 'vitest'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import {
  ACCOUNT,
  BOOT,
  type EffectRow,
  LEDGER,
  openJudgeRig,
  plannedGoal,
  receiptFor,
  tweetEffect,
} from '../integration/judge-rig.ts'
import { forgetful, overlooked, type Whose } from './overlooked.ts'

const log = openLog({ name: 'swarm-judge', level: 'silent' })

/** Statements of the Judge, and the words in which each says whose rows it is about. */
const WHOSE: Whose = { 'count-ended': [['JOIN u USING (tenant_id, id)', 'JOIN u ON u.id = g.id']] }

const SEQ = 77
/** Tasks that each of the goals has open, so that none of them ends here. */
const OPEN = 5

type Rig = Awaited<ReturnType<typeof openJudgeRig>>

/** Tweets of one account for goals of one name, each of another tenant's. */
async function people(rig: Rig, id: string) {
  const tenants = [newId(), newId(), newId()]
  const tasks: string[] = []
  for (const tenantId of tenants) {
    await rig.database.query({
      text: `INSERT INTO tenants (id, name) VALUES ($1::uuid, $1::text)`,
      values: [tenantId],
    })
    await rig.database.query({
      text: `INSERT INTO tool_bindings (tenant_id, agent_id, tool, account)
        VALUES ($1, '*', 'post_tweet', $2)`,
      values: [tenantId, ACCOUNT],
    })
    const planned = { id, tenantId, slots: ['publish'], tasks: [{ effects: [tweetEffect()] }] }
    tasks.push(...(await plannedGoal(rig.database, planned)))
  }
  await rig.database.query({
    text: `UPDATE goals SET tasks_open = $2, tasks_total = $2, version_id = new_version()
      WHERE tenant_id = ANY($1::uuid[])`,
    values: [tenants, OPEN],
  })
  return { tenants, tasks }
}

const stateOf = async (rig: Rig, tenantId: string) => {
  const [row] = await rig.database.query<EffectRow & { open: number; waits_for: string | null }>({
    text: `SELECT e.id, e.slot, e.round, e.state, e.effect_key, e.grant_id, e.args_hash,
        e.grant_jws, e.code, g.tasks_open AS open, t.waits_for
      FROM goals g JOIN tasks t ON t.tenant_id = g.tenant_id AND t.goal_id = g.id
      LEFT JOIN effects e ON e.tenant_id = g.tenant_id AND e.goal_id = g.id
      WHERE g.tenant_id = $1`,
    values: [tenantId],
  })
  if (row === undefined) throw new Error(`There is no goal of ${tenantId}.`)
  return row
}

/** The hello of a new start of the account's tool server. */
async function helloOf(rig: Rig, deps: Rig['deps']): Promise<HelloClaims> {
  const boot = newId()
  await rig.database.query({
    text: `INSERT INTO tool_boots (boot, account, ledger_id, seq, status)
      VALUES ($1, $2, $3, 1, '{}')`,
    values: [boot, ACCOUNT, LEDGER],
  })
  await handleRings(deps, [{ look_at: 'boot', id: boot }])
  const [row] = await rig.database.query<{ hello: string }>({
    text: 'SELECT hello FROM tool_boots WHERE boot = $1',
    values: [boot],
  })
  return HelloClaims.parse(decodeJwt(row?.hello ?? ''))
}

/**
 * What a forgetful Judge that is rung for the tasks of two tenants sees of the third's, and does to
 * its goal, which has the same name; and that what they share, the account, it knows all the same:
 * how many grants are out, who waits for room, and the last word of its ledger.
 */
async function expectBatchAlone(rig: Rig, of: { role?: 'chimera_swarm' }): Promise<void> {
  const { tenants, tasks } = await people(rig, newId())
  const [own = '', second = '', other = ''] = tenants
  const url = urlAs(of.role, rig.databaseUrl)
  await using opened = openDatabase({ url, name: 'judge', log, max: 3, ...of })
  const seen = new Set<string>()
  const database = overlooked(forgetful(opened, WHOSE), (tenantId) => seen.add(tenantId))
  const deps = { ...rig.deps, database, maxGranted: 2 }
  const rings = tasks.map((id) => ({ look_at: 'task' as const, id }))
  await handleRings(deps, rings.slice(0, 2))
  const faults = seen.has(other) ? ['it could see a tenant beside its batch'] : []
  expect([seen.has(own), seen.has(second)]).toEqual([true, true])

  await handleRings(deps, rings.slice(2))
  expect(await stateOf(rig, other)).toMatchObject({ state: null, waits_for: ACCOUNT })
  const granted = await stateOf(rig, own)
  expect([granted.state, (await stateOf(rig, second)).state]).toEqual(['GRANTED', 'GRANTED'])
  const claims = ReceiptClaims.parse(receiptFor(granted, { seq: SEQ, boot: BOOT }))
  // Filed under a grant that nobody knows: it is whose its words say.
  const id = await rig.carry(await rig.sign(claims))
  await handleRings(deps, [{ look_at: 'receipt', id }])
  expect(await stateOf(rig, own)).toMatchObject({ state: 'CONFIRMED', open: OPEN - 1 })
  for (const tenantId of [second, other]) {
    const { open } = await stateOf(rig, tenantId)
    if (open !== OPEN) faults.push('it counted down the goal of another tenant')
  }
  expect(faults).toEqual([])
  expect(await stateOf(rig, other)).toMatchObject({ state: 'GRANTED' })
  expect(await helloOf(rig, deps)).toMatchObject({ highest_seq: SEQ })
}

guarantee(
  {
    id: 'judge-tenants-alone',
    title: 'a judge that forgets whose goals it counts down sees those of its batch, and no others',
    n: 1,
    seed: 73,
  },
  async () => {
    await using rig = await openJudgeRig()
    await expectBatchAlone(rig, { role: 'chimera_swarm' })
  },
)

const failed = { test: 'judge-tenants-alone', expect: /to deeply equal \[\]/ }

control({ guard: 'the step down to the role of the swarm', ...failed }, async () => {
  await using rig = await openJudgeRig()
  await expectBatchAlone(rig, {})
})

control({ guard: 'the policies of the swarm', ...failed }, async () => {
  await using rig = await openJudgeRig()
  for (const table of ['goals', 'tasks', 'tenants', 'audit_entries', 'effects']) {
    await rig.database.query({ text: `ALTER POLICY batch_tenants ON ${table} USING (true)` })
  }
  await expectBatchAlone(rig, { role: 'chimera_swarm' })
})
