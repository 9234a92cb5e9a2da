/** One circuit for many processes: who is let through, and how soon all know. */
import { moveCircuits } from '@chimera/infra/database/circuits/move-circuits'
import { OPEN_MS } from '@chimera/infra/llm/circuits/circuit'
import { SEEN_FOR_MS } from '@chimera/infra/llm/circuits/circuit-looks'
import { afterAll, beforeAll, expect } from 'vitest'

import { control, guarantee, sampleSize } from '../../guarantee.ts'
import type { Without } from './asker/protocol.ts'
import { ANSWER, openRouterRig, type RouterRig } from './router-rig.ts'
import { startAskers } from './start-asker.ts'

const PROCESSES = sampleSize({ ci: 4, full: 20 })

let rig: RouterRig
beforeAll(async () => void (rig = await openRouterRig()), 60_000)
afterAll(() => rig[Symbol.asyncDispose]())

const ask = (times: number) => ({ do: 'ask', workers: 1, times, characters: 100 }) as const
const TIMES = 10

/** Everything is dead for good, and many processes ask again and again. */
async function expectNoStorm(without: Without, processes: number): Promise<void> {
  const goal = await rig.newGoal()
  await rig.server.tell({ fault: '429', retry_after_s: 60, times: 1_000_000, model: 'far' })
  await rig.server.tell({ fault: '503', times: 1_000_000 })
  const calls = rig.watchCalls()
  await using started = await startAskers(processes, { ...goal, without })
  const told = await Promise.all(started.askers.map((asker) => asker.tell(ask(TIMES))))
  const { near, far } = calls()
  // Whoever began before the fifth failure was written may bring one more each.
  const most = 4 + processes
  expect(near <= most, `${near} calls of a dead server, where ${most} may be`).toBe(true)
  expect(near).toBeGreaterThanOrEqual(5)
  expect(far <= processes, `${far} calls of a server that asked for a pause`).toBe(true)
  expect(told.map(({ codes }) => codes['answered'] ?? 0)).toEqual(told.map(() => 0))
}

const storm = {
  id: 'router-no-storm-processes',
  title: 'many processes leave dead servers alone after five failures of all of them',
}
guarantee({ ...storm, n: PROCESSES, seed: 1 }, () => expectNoStorm('nothing', PROCESSES))
control(
  {
    guard: 'the circuit',
    test: storm.id,
    expect: /[1-9]\d calls of a dead server, where 8 may be/,
  },
  () => expectNoStorm('circuit', 4),
)

/** The minute of an open circuit is over; all processes want to know whether it is back. */
async function expectOneProbe(without: Without, processes: number): Promise<void> {
  // Room for all of them at once, at the most that each can take.
  const goal = await rig.newGoal(8)
  await rig.server.tell({ fault: '503', times: 1_000, model: 'near' })
  const say = Array.from({ length: 200 }, () => ({ text: ANSWER }))
  await rig.server.tell({ model: 'far', say })
  await using started = await startAskers(processes, { ...goal, without })
  await Promise.all(started.askers.map((asker) => asker.tell(ask(2))))
  await rig.server.tell({ fault: 'none' })
  await rig.passForCircuits(OPEN_MS)
  // The one that tries is on its way for as long as it may be; and then it has failed.
  await rig.server.tell({ fault: 'hang', times: 1_000, model: 'near' })
  const calls = rig.watchCalls()
  const told = await Promise.all(started.askers.map((asker) => asker.tell(ask(1))))
  expect(calls().near, 'calls that tried').toBe(1)
  expect(told.map(({ codes }) => codes)).toEqual(told.map(() => ({ answered: 1 })))
}

const probe = {
  id: 'router-one-probe-processes',
  title: 'a half-open circuit lets one call of all processes try, and the others go on',
}
guarantee({ ...probe, n: PROCESSES, seed: 1 }, () => expectOneProbe('nothing', PROCESSES))
control(
  {
    guard: 'the lock on the row of the circuit',
    test: probe.id,
    expect: /calls that tried: expected [2-8] to be 1/,
  },
  () => expectOneProbe('lock', 8),
)

/** A person takes a tier out while a process is asking it. */
async function expectSeen(without: Without): Promise<void> {
  const goal = await rig.newGoal()
  await rig.server.tell({ model: 'near', say: [{ text: ANSWER }] })
  await using started = await startAskers(1, { ...goal, without })
  const [asker] = started.askers
  // It has seen a closed circuit, and its row is there to be moved.
  await asker?.tell(ask(1))
  await rig.database.query({
    text: `INSERT INTO model_circuits (id, name, provider, label, model)
      SELECT 'openai-compatible ' || $1 || ' near none', 'near', 'openai-compatible', $1, 'near'`,
    values: [new URL(rig.server.url).host],
  })
  const watched = asker?.tell({ do: 'watch', forMs: 3 * SEEN_FOR_MS })
  await moveCircuits(rig.database, {
    verb: 'open',
    tier: 'near',
    reason: 'it makes things up',
    actor: 'test',
  })
  const movedAt = Date.now()
  const { admittedAt = null, refused } = (await watched) ?? {}
  const lateMs = (admittedAt ?? movedAt) - movedAt
  expect(lateMs <= SEEN_FOR_MS, `it asked ${lateMs} ms after the circuit was opened`).toBe(true)
  expect(refused).toBe('held_open')
}

const seen = {
  id: 'router-open-seen-elsewhere',
  title: 'a circuit that is opened elsewhere holds in every process a second later',
}
guarantee({ ...seen, n: 1, seed: 1 }, () => expectSeen('nothing'))
control(
  {
    guard: 'the end of what a process has seen',
    test: seen.id,
    expect: /it asked [1-9]\d{3} ms after the circuit was opened/,
  },
  () => expectSeen('end_of_seen'),
)
