/**
 * Pauses against a real record, a real Judge and a real ledger: at whatever moment of its judging
 * an agent is paused, nothing is claimed for it after the pause was acknowledged.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GrantClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { pauseScope, resumePaused, type PauseAsked } from '@chimera/gateway/stops/pause'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import type { Statement } from '@chimera/infra/database/open-database'
import { nameAgents } from '@chimera/infra/database/tenancy/name-agents'
import type { ToolControl } from '@chimera/infra/tools/tool-control'
import { handleRings } from '@chimera/judge/handle-rings'
import { openLedger, type Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { scopesOf } from '@chimera/mcp-kit/protocol/scopes'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'
import { interrupted } from '../interrupted.ts'
import {
  ACCOUNT,
  effectsOf,
  openJudgeRig,
  plannedGoal,
  tweetEffect,
  type JudgeRig,
} from './judge-rig.ts'

let rig: JudgeRig
let ledger: Ledger
const folder = mkdtempSync(join(tmpdir(), 'chimera-pauses-'))

beforeAll(async () => {
  rig = await openJudgeRig()
  const clock = { wall: () => Date.now(), monotonic: () => performance.now() }
  ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: ACCOUNT, clock })
  const audit = draftAudit()
  await rig.database.transaction(async (tx) => {
    await nameAgents(tx, { tenantId: DEFAULT_TENANT, ids: ['default'] }, audit)
    await appendAudit(tx, audit, 'test')
  })
})
afterAll(async () => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
  await rig[Symbol.asyncDispose]()
})

/** Fences the ledger as the control endpoint of its server does. */
const fenceLedger: ToolControl['fence'] = ({ scope, epoch = 1, stopped }) => {
  const now = ledger.fences.raise(scope, { epoch, isStopped: stopped })
  return Promise.resolve({ epoch: now.epoch, in_flight: [] })
}
const fenceNothing: ToolControl['fence'] = () => Promise.resolve({ epoch: 1, in_flight: [] })

const noStatus = () => Promise.reject(new Error('nobody asks for it'))

type Guards = { fence: ToolControl['fence']; change: (statement: Statement) => Statement }
const GUARDED: Guards = { fence: fenceLedger, change: (statement) => statement }

const paused = (kind: PauseAsked['kind'], id: string): PauseAsked => ({
  kind,
  id,
  tenantId: DEFAULT_TENANT,
  actor: 'test',
})

/** Before which statement: judging one tweet takes so many, and a few more. */
const ANY_MOMENT = [1, 24] as const
/** After the attempt was read and before its fences were. */
const BETWEEN = [2, 4] as const

/** Grants that a tool server would still act on, though the pause had been acknowledged. */
async function claimable(given: {
  n: number
  random: Random
  guards: Guards
  moment?: readonly [number, number]
}): Promise<{ open: string[]; granted: number; held: number }> {
  const open: string[] = []
  let granted = 0
  let held = 0
  for (let round = 0; round < given.n; round += 1) {
    const goalId = `pause-${newId()}`
    const kind = given.random.pick(['agent', 'goal', 'tenant'] as const)
    const id = { agent: 'default', goal: goalId, tenant: DEFAULT_TENANT }[kind]
    const ids = await plannedGoal(rig.database, {
      id: goalId,
      slots: ['publish'],
      tasks: [{ effects: [tweetEffect()] }],
    })
    const openControl = () => ({ fence: given.guards.fence, status: noStatus })
    let acknowledged: Promise<unknown> | undefined
    const act = () =>
      (acknowledged ??= pauseScope({ database: rig.database, openControl }, paused(kind, id)))
    const at = given.random.integer(...(given.moment ?? ANY_MOMENT))
    const database = interrupted(rig.database, { at, act, change: given.guards.change })
    const rings = ids.map((task) => ({ look_at: 'task' as const, id: task }))
    await handleRings({ ...rig.deps, database }, rings)
    await act()
    // Judged once more in the new state: it has to wait.
    await rig.database.query({
      text: 'UPDATE tasks SET run_at = NULL WHERE id = ANY($1)',
      values: [ids],
    })
    await handleRings(rig.deps, rings)
    const [effect] = await effectsOf(rig.database, goalId)
    if (effect === undefined) held += 1
    else {
      granted += 1
      const claims = GrantClaims.parse(decodeJwt(effect.grant_jws))
      const scopes = scopesOf({ ...claims, account: claims.aud })
      if (ledger.fences.findFenced(scopes, claims.fences) === undefined) {
        open.push(`${kind} paused before statement ${at}: a grant of ${goalId} may be claimed`)
      }
    }
    await resumePaused({ database: rig.database }, paused(kind, id))
  }
  return { open, granted, held }
}

async function expectHeld(given: Parameters<typeof claimable>[0]): Promise<void> {
  const { open, granted, held } = await claimable(given)
  expect(open).toEqual([])
  // Pauses came before grants and after them.
  expect(granted).toBeGreaterThan(0)
  expect(held).toBeGreaterThan(0)
}

const ROUNDS = sampleSize({ ci: 40, full: 500 })

guarantee(
  {
    id: 'paused-between-judgement-and-claim',
    title: 'what is paused claims nothing after the pause was acknowledged',
    n: ROUNDS,
    seed: 23,
    timeoutMs: 120_000 + ROUNDS * 4_000,
  },
  ({ n, random }) => expectHeld({ n, random, guards: GUARDED }),
)

control(
  {
    guard: 'the fence at the tool servers',
    test: 'paused-between-judgement-and-claim',
    expect: /to deeply equal \[\]/,
  },
  () => expectHeld({ n: 20, random: seeded(23), guards: { ...GUARDED, fence: fenceNothing } }),
)

control(
  {
    guard: 'the look at pauses in the granting transaction',
    test: 'paused-between-judgement-and-claim',
    expect: /to deeply equal \[\]/,
  },
  () =>
    expectHeld({
      n: 20,
      random: seeded(29),
      moment: BETWEEN,
      guards: {
        ...GUARDED,
        change: (statement) =>
          statement.name === 'is-any-held'
            ? { ...statement, name: 'nobody-looks', text: `${statement.text} OFFSET 1` }
            : statement,
      },
    }),
)

test('a goal whose last task ended while it was paused ends when it is resumed', async () => {
  const ids = await plannedGoal(rig.database, { id: 'late-end', tasks: [{}] })
  const openControl = () => ({ fence: fenceLedger, status: noStatus })
  await pauseScope({ database: rig.database, openControl }, paused('goal', 'late-end'))
  const rings = ids.map((task) => ({ look_at: 'task' as const, id: task }))
  await handleRings(rig.deps, rings)
  const [task] = await rig.database.query({
    text: `SELECT phase, waiting_on FROM tasks WHERE goal_id = 'late-end'`,
  })
  expect(task).toMatchObject({
    phase: 'judging',
    waiting_on: { reason: 'the goal is paused', unblock: 'chimera goal resume late-end' },
  })
  // What was under way when it was paused.
  await rig.database.query({
    text: `UPDATE tasks SET status = 'COMPLETED', phase = 'done' WHERE goal_id = 'late-end'`,
  })
  await rig.database.query({ text: `UPDATE goals SET tasks_open = 0 WHERE id = 'late-end'` })
  const { report } = await resumePaused({ database: rig.database }, paused('goal', 'late-end'))
  expect(report).toEqual({ id: 'late-end', status: 'COMPLETED' })
})
