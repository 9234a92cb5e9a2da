import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { guarantee, type Random, sampleSize } from '../../guarantee.ts'
import { startSecond } from './second-process.ts'
import { openStormRig, type StormRig } from './storm-rig.ts'
import { planGoals } from './workload.ts'

let storm: StormRig

beforeAll(async () => {
  storm = await openStormRig()
}, 120_000)
afterAll(() => storm[Symbol.asyncDispose]())

const OVER_MS = 4_000
const SETTLES_WITHIN_MS = 60_000
const n = sampleSize({ ci: 40, full: 1_000 })

/** Goals come in while two of a kind work; the second is killed in the middle of it. */
async function workWithTwo(
  names: readonly ('judge' | 'keeper' | 'worker')[],
  given: { random: Random; prefix: string },
): Promise<void> {
  const seconds = await Promise.all(names.map((name) => startSecond(storm, name)))
  try {
    await Promise.all(seconds.map((second) => second.ready))
    const before = new Date()
    const posting = storm.post(planGoals(given.random, { n, prefix: given.prefix }), OVER_MS)
    await sleep(given.random.integer(OVER_MS / 2, OVER_MS))
    await Promise.all(seconds.map((second) => second.kill()))
    await posting
    await expectAllDone()
    // One leads the Keepers' duties, and the others wait for its end.
    const working = names.filter((name) => name !== 'keeper').map((name) => `${name}-2`)
    expect(await actorsSince(before)).toEqual(expect.arrayContaining(working))
  } finally {
    await Promise.all(seconds.map((second) => second.kill()))
  }
}

/** Who has moved rows of the record. */
async function actorsSince(time: Date): Promise<string[]> {
  const { urls } = await storm.stack.report()
  const log = openLog({ name: 'test', level: 'silent' })
  await using record = openDatabase({ url: urls.postgres, name: 'test', log, max: 1 })
  const rows = await record.query<{ actor: string }>({
    text: 'SELECT DISTINCT actor FROM audit_entries WHERE created_at > $1',
    values: [time],
  })
  return rows.map(({ actor }) => actor)
}

async function expectAllDone(): Promise<void> {
  const { checked, settledInMs } = await storm.settle(SETTLES_WITHIN_MS)
  expect(checked.findings.slice(0, 20)).toEqual([])
  expect(settledInMs, 'everything settles').toBeDefined()
  expect(checked.counts.completed).toBe(checked.counts.accepted)
}

for (const names of [['judge'], ['keeper'], ['judge', 'keeper', 'worker']] as const) {
  const all = names.join('-')
  guarantee(
    {
      id: `two-of:${all}`,
      title: `two of each of ${names.join(', ')} do everything once; one dies in the middle`,
      n,
      seed: 31,
      timeoutMs: 180_000,
    },
    ({ random }) => workWithTwo(names, { random, prefix: `two-${all}` }),
  )
}

guarantee(
  {
    id: 'two-of:tweet',
    title: 'a second tool server of the account never acts beside the first',
    n: sampleSize({ ci: 3, full: 20 }),
    seed: 32,
    timeoutMs: 180_000,
  },
  async ({ n: starts, random }) => {
    const goals = planGoals(random, { n, prefix: 'two-tools' })
    const posting = storm.post(goals, OVER_MS)
    for (let start = 0; start < starts; start += 1) {
      await using second = await startSecond(storm, 'tweet')
      // It finds the ledger held and hands everything to the holder: no boot of its own.
      expect(await second.ready).toMatchObject({ bridge: true })
      await second.kill()
    }
    await posting
    await expectAllDone()
  },
)
