import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { CrashLine } from '@chimera/contracts/observable'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { parseEntry, isMalformed, type Entry } from '@chimera/infra/streams/parse-entry'
import { openGoalHandler } from '@chimera/planner/handle-goals'
import { type GoalEntry, openGoalReader } from '@chimera/planner/read-goal-entry'
import { expect, test } from 'vitest'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { machineEnvironment } from '../machine-environment.ts'
import { CHECKOUT } from '../source-tree.ts'
import { openPlannerRig, type PlannerRig } from './planner-rig.ts'

const LABELS = CRASH_POINTS.filter((label) => label.startsWith('planner.'))

const killedAnywhere = {
  id: 'planner-killed-anywhere',
  title: 'a goal is planned once and rung for, wherever its planner is killed',
  n: LABELS.length,
  seed: 1,
  timeoutMs: 120_000,
}

guarantee(killedAnywhere, () =>
  inFolder(async (folder) => {
    for (const label of LABELS) {
      await using rig = await openPlannerRig()
      await expectOnePlan(rig, { die: dieAtLabel, label, folder, withinMs: 15_000 })
    }
    const lines = readFileSync(join(folder, 'crash-points.jsonl'), 'utf8').trim().split('\n')
    const reached = lines.map((line) => CrashLine.parse(JSON.parse(line)).label)
    expect(reached).toEqual(LABELS)
  }),
)

const lostOnTheWay = {
  guard: 'the acknowledgement after the commit',
  test: killedAnywhere.id,
  expect: /0 of 3 tasks are rung for/,
}

control(lostOnTheWay, () =>
  inFolder(async (folder) => {
    await using rig = await openPlannerRig()
    const label = 'planner.goal.read'
    await expectOnePlan(rig, { die: dieAcknowledged, label, folder, withinMs: 3_000 })
  }),
)

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chimera-planner-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** How the first life of a planner ends that has a goal to plan. */
type Die = (rig: PlannerRig, life: Life) => Promise<void>
type Life = { readonly label: CrashPoint; readonly folder: string; readonly run: string }

const dieAtLabel: Die = async (rig, life) => {
  const [code, signal] = await once(startProcess(rig, life), 'exit')
  expect({ ...life, code, signal }).toEqual({ ...life, code: null, signal: 'SIGKILL' })
}

/** A planner that acknowledges what it reads, and dies before it has committed anything. */
const dieAcknowledged: Die = async (rig) => {
  const consumer = openConsumer({
    url: rig.redisUrl,
    name: 'test',
    streams: ['chimera:goals'],
    consumerName: 'planner-1',
    log: rig.deps.log,
    leaseMs: rig.deps.leaseMs,
    parse: () => undefined,
    handle: async () => {},
    onDead: async () => {},
  })
  await rig.settled()
  await consumer.close()
}

async function expectOnePlan(
  rig: PlannerRig,
  { die, ...of }: { die: Die; label: CrashPoint; folder: string; withinMs: number },
): Promise<void> {
  await rig.add({ id: 'g-1', text: 'noop 3' })
  const life = { label: of.label, folder: of.folder, run: newId() }
  await die(rig, life)
  const second = startProcess(rig, life)
  try {
    const rung = async () => `${new Set(await rig.rung()).size} of 3 tasks are rung for`
    await expect
      .poll(rung, { timeout: of.withinMs, interval: 50 })
      .toBe('3 of 3 tasks are rung for')
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

function startProcess(rig: PlannerRig, { label, folder, run }: Life): ChildProcess {
  return spawn(process.execPath, [join(CHECKOUT, 'roles/planner/main.ts')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {
      ...machineEnvironment(),
      CHIMERA_SUPERVISED: '1',
      DATABASE_URL: urlAs('chimera_swarm', rig.database.databaseUrl),
      REDIS_URL: rig.redisUrl,
      GOALS_FROM_STREAM: 'owner',
      CONSUMER_NAME: 'planner-1',
      LOG_LEVEL: 'error',
      CHIMERA_STATE_DIR: folder,
      CHIMERA_CRASH_AT: label,
      CHIMERA_RUN_ID: run,
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

const again = {
  id: 'planner-rings-again',
  title: 'a plan whose publication was lost has its doorbells rung again',
  n: 1,
  seed: 1,
}

guarantee(again, () => expectRungAfterLostPublication((entry) => ({ ...entry, deliveries: 2 })))

const forgetful = {
  guard: 'the look at how often an entry was delivered',
  test: again.id,
  expect: /the task is rung for/,
}

control(forgetful, () => expectRungAfterLostPublication((entry) => ({ ...entry, deliveries: 1 })))

test('the goals of a dead planner are its own at once, those of others later', async () => {
  await using rig = await openPlannerRig()
  const killed = openGoalHandler({
    ...rig.deps,
    leaseMs: 1_500,
    publisher: { publish: () => Promise.reject(new Error('killed')) },
  })
  // What a budget may put off is accepted first and planned after.
  const low = { id: 'g-1', text: 'noop 1', priority: 'low' }
  await expect(killed([entryOf(low)])).rejects.toThrow('killed')
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
