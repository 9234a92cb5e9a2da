/** Many processes spend one goal's dollar on a paid model, and some die of it. */
import { settleLapsedCalls } from '@chimera/infra/database/budgets/model-spend'
import { afterAll, beforeAll, expect } from 'vitest'

import { control, guarantee, sampleSize } from '../../guarantee.ts'
import { billOf } from '../../models/bill.ts'
import type { Without } from './asker/protocol.ts'
import { ANSWER, CAP_MICROS, openRouterRig, type RouterRig, USD_PER_MILLION } from './router-rig.ts'
import { startAsker, startAskers } from './start-asker.ts'

const WORKERS = 20
const CHARACTERS = 16_000
const PROCESSES = sampleSize({ ci: 5, full: WORKERS })
const ASKS = sampleSize({ ci: 10, full: 40 })

let rig: RouterRig
beforeAll(async () => void (rig = await openRouterRig()), 60_000)
afterAll(() => rig[Symbol.asyncDispose]())

const far = { model: 'far', answer: ANSWER, usdPerMillion: USD_PER_MILLION }
/** The free model never says what fits, and the paid one always does. */
async function failIntoPaid(): Promise<void> {
  await rig.server.tell({ fault: 'bad_json', times: 1_000_000, model: 'near' })
  const say = Array.from({ length: 1_000 }, () => ({ text: ANSWER }))
  await rig.server.tell({ model: 'far', say })
}

async function expectWithinCap(without: Without, processes: number): Promise<void> {
  const goal = await rig.newGoal()
  await failIntoPaid()
  const calls = rig.watchCalls()
  await using started = await startAskers(processes, { ...goal, without })
  const order = { do: 'ask', workers: WORKERS / processes, times: ASKS } as const
  const told = await Promise.all(
    started.askers.map((asker) => asker.tell({ ...order, characters: CHARACTERS })),
  )
  const { micros, calls: paid } = billOf(calls().all, far)
  expect(micros <= CAP_MICROS, `a bill of ${micros} micros, where 1000000 may be`).toBe(true)
  expect(paid, 'calls that the paid model answered').toBeGreaterThan(5)
  const answered = told.reduce((sum, { codes }) => sum + (codes['answered'] ?? 0), 0)
  expect(answered, 'questions that were answered').toBe(paid)
  expect(await rig.counterOf(goal.goalId)).toEqual({ spent: String(micros), reserved: '0' })
}

const cap = {
  id: 'router-cap-processes',
  title: 'twenty workers in many processes spend no more than 1.00 USD at the paid server',
}
guarantee({ ...cap, n: PROCESSES, seed: 1 }, () => expectWithinCap('nothing', PROCESSES))
control(
  {
    guard: 'the counter that all processes share',
    test: cap.id,
    expect: /a bill of \d{7} micros, where 1000000 may be/,
  },
  () => expectWithinCap('record_of_budget', 5),
)

const KILLED = sampleSize({ ci: 1, full: 2 })

/** A process is killed while the paid model is at work for it. */
async function expectKilledIsPaid(without: Without, killed: number): Promise<void> {
  const goal = await rig.newGoal()
  const settings = { ...goal, without }
  const calls = rig.watchCalls()
  for (let n = 0; n < killed; n += 1) {
    await failIntoPaid()
    await rig.server.tell({ fault: 'hang', model: 'far' })
    const hung = () => calls().all.filter(({ outcome }) => outcome === 'hung').length
    await using asker = await startAsker(settings)
    const asked = asker.tell({ do: 'ask', workers: 1, times: 1, characters: 100 })
    asked.catch(() => undefined)
    await expect.poll(hung, { timeout: 20_000, interval: 10 }).toBe(n + 1)
    await asker.kill()
    await expect(asked).rejects.toThrow('ended without an answer')
  }
  const held = BigInt((await rig.counterOf(goal.goalId))?.reserved ?? '0')
  // At the least the longest answer and the frame of each.
  const least = BigInt(killed) * 8_192n * USD_PER_MILLION
  expect(held >= least, `${held} micros are held for what nobody settled`).toBe(true)
  await failIntoPaid()
  await using other = await startAsker(settings)
  await other.tell({ do: 'ask', workers: 4, times: ASKS, characters: CHARACTERS })
  const { micros } = billOf(calls().all, far)
  expect(micros + held <= CAP_MICROS, `${micros} and ${held} micros of 1000000`).toBe(true)
  expect(await rig.counterOf(goal.goalId)).toEqual({
    spent: String(micros),
    reserved: String(held),
  })
  const lease = `UPDATE model_spends SET lease_until = now() - interval '1 second'`
  await rig.database.query({ text: `${lease} WHERE goal_id = $1`, values: [goal.goalId] })
  expect((await settleLapsedCalls(rig.database, { limit: 10 })).lapsed).toBe(killed)
  const spent = String(micros + held)
  expect(await rig.counterOf(goal.goalId)).toEqual({ spent, reserved: '0' })
}

const lease = {
  id: 'router-killed-is-paid',
  title: 'what a killed process had asked for stays reserved, and is spent in full',
}
guarantee({ ...lease, n: KILLED, seed: 1 }, () => expectKilledIsPaid('nothing', KILLED))
control(
  {
    guard: 'the reservation in the record',
    test: lease.id,
    expect: /0 micros are held for what nobody settled/,
  },
  () => expectKilledIsPaid('record_of_budget', 1),
)
