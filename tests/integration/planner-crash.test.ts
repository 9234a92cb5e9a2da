import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { CrashLine } from '@chimera/contracts/observable'
import { parseEntry, isMalformed, type Entry } from '@chimera/infra/streams/parse-entry'
import { openGoalHandler } from '@chimera/planner/handle-goals'
import { type GoalEntry, openGoalReader } from '@chimera/planner/read-goal-entry'
import { expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { CHECKOUT } from '../source-tree.ts'
import { openPlannerRig, type PlannerRig } from './planner-rig.ts'

const LABELS = CRASH_POINTS.filter((label) => label.startsWith('planner.'))

guarantee(
  {
    id: 'planner-killed-anywhere',
    title: 'a goal is planned once and rung for, wherever its planner is killed',
    n: LABELS.length,
    seed: 1,
    timeoutMs: 120_000,
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chimera-planner-'))
    try {
      for (const label of LABELS) {
        await using rig = await openPlannerRig()
        await expectOnePlan(rig, { label, folder })
      }
      const lines = readFileSync(join(folder, 'crash-points.jsonl'), 'utf8').trim().split('\n')
      const reached = lines.map((line) => CrashLine.parse(JSON.parse(line)).label)
      expect(reached).toEqual(LABELS)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

async function expectOnePlan(
  rig: PlannerRig,
  { label, folder }: { label: CrashPoint; folder: string },
): Promise<void> {
  await rig.add({ id: 'g-1', text: 'noop 3' })
  const env = { label, folder, rig, run: newId() }
  const first = startProcess(env)
  const [code, signal] = await once(first, 'exit')
  expect({ label, code, signal }).toEqual({ label, code: null, signal: 'SIGKILL' })
  const second = startProcess(env)
  try {
    await expect
      .poll(async () => new Set(await rig.rung()).size, { timeout: 15_000, interval: 50 })
      .toBe(3)
    await rig.settled()
    const rows = await rig.database.query({
      text: `SELECT g.status, g.tasks_total, count(t.id)::int AS tasks
        FROM goals g LEFT JOIN tasks t ON t.goal_id = g.id GROUP BY g.status, g.tasks_total`,
    })
    expect(rows).toEqual([{ status: 'ACTIVE', tasks_total: 3, tasks: 3 }])
  } finally {
    second.kill('SIGKILL')
    await once(second, 'exit')
  }
}

function startProcess(of: {
  rig: PlannerRig
  label: CrashPoint
  folder: string
  run: string
}): ChildProcess {
  return spawn(process.execPath, [join(CHECKOUT, 'roles/planner/main.ts')], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: of.rig.database.databaseUrl,
      REDIS_URL: of.rig.redisUrl,
      GOALS_FROM_STREAM: 'owner',
      CONSUMER_NAME: 'planner-1',
      LOG_LEVEL: 'error',
      CHIMERA_STATE_DIR: of.folder,
      CHIMERA_CRASH_AT: of.label,
      CHIMERA_RUN_ID: of.run,
    },
  })
}

/** Between the commit of a plan and its publication there is only the redelivery. */
async function expectRungAfterLostPublication(
  redeliver: (entry: Entry<GoalEntry>) => Entry<GoalEntry>,
): Promise<void> {
  await using rig = await openPlannerRig()
  const entry = entryOf({ id: 'g-1', text: 'noop 1' })
  const killed = openGoalHandler({
    ...rig.deps,
    publisher: { publish: () => Promise.reject(new Error('killed')) },
  })
  await expect(killed([entry])).rejects.toThrow('killed')
  // The goal's own row is committed, its plan is not: the next life plans it.
  await openGoalHandler(rig.deps)([redeliver(entry)])
  await rig.redis.client.flushall()
  await openGoalHandler(rig.deps)([redeliver(entry)])
  expect(await rig.rung(), 'the task is rung for').toHaveLength(1)
}

test('a redelivered goal has its doorbells rung again', () =>
  expectRungAfterLostPublication((entry) => ({ ...entry, deliveries: 2 })))

control(
  {
    guard: 'the look at how often an entry was delivered',
    test: 'a redelivered goal has its doorbells rung again',
    expect: /the task is rung for/,
  },
  () => expectRungAfterLostPublication((entry) => ({ ...entry, deliveries: 1 })),
)

test('the goals of a dead planner are taken up when its lease is over, its own at once', async () => {
  await using rig = await openPlannerRig()
  const killed = openGoalHandler({
    ...rig.deps,
    leaseMs: 1_500,
    publisher: { publish: () => Promise.reject(new Error('killed')) },
  })
  await expect(killed([entryOf({ id: 'g-1', text: 'noop 1' })])).rejects.toThrow('killed')
  const other = await rig.start({ actor: 'planner-2' })
  expect(other.recovered).toBe(0)
  const own = await rig.start({ actor: 'planner-1' })
  expect(own.recovered).toBe(1)
  expect(await rig.rung()).toHaveLength(1)
})

function entryOf(fields: Record<string, string>): Entry<GoalEntry> {
  const parsed = parseEntry({
    stream: 'chimera:goals',
    raw: { id: '1-0', fields: Object.entries(fields).flat() },
    deliveries: 1,
    parse: openGoalReader({ from: 'owner', tenantId: DEFAULT_TENANT }),
  })
  if (isMalformed(parsed)) throw new Error(parsed.reason)
  return parsed
}
