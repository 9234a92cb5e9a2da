import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { afterAll, beforeAll, expect } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../../guarantee.ts'
import { openFaultRig, type FaultRig } from '../fault-rig.ts'
import {
  notOnce,
  percentile,
  QUICK,
  stopOverHttp,
  stopUnderLoad,
  unannounced,
  type MakeStop,
} from './stop-load.ts'

let of: FaultRig

beforeAll(async () => {
  of = await openFaultRig(QUICK)
}, 120_000)
afterAll(() => of[Symbol.asyncDispose]())

const ROUNDS = sampleSize({ ci: 20, full: 200 })
/** Fewer rounds have no 99th percentile. */
const SHARE = ROUNDS >= 100 ? 0.99 : 0.9

async function expectStopsHold(given: {
  prefix: string
  rounds: number
  random: Random
  makeStop: MakeStop
}): Promise<void> {
  const rounds = await stopUnderLoad(of, given)
  expect(await unannounced(of, rounds)).toEqual([])
  expect(notOnce(of)).toEqual([])
  const inFlight = rounds.flatMap(({ report }) => report.tools.flatMap((tool) => tool.in_flight))
  expect(inFlight.length).toBeGreaterThan(0)
  const took = rounds.map(({ tookMs }) => tookMs)
  process.stdout.write(`acknowledged after ${percentile(took, 0.5)} ms (median), `)
  process.stdout.write(`${percentile(took, 0.99)} ms (p99); ${took.join(' ')}\n`)
  expect(percentile(took, SHARE)).toBeLessThanOrEqual(200)
}

guarantee(
  {
    id: 'stop-under-load',
    title: 'after a stop X receives only what the stop had named as in flight',
    n: ROUNDS,
    seed: 41,
    timeoutMs: 60_000 + ROUNDS * 15_000,
  },
  ({ n, random }) => expectStopsHold({ prefix: 'w-', rounds: n, random, makeStop: stopOverHttp }),
)

// The last one: what it leaves behind is stopped in the record alone.
control(
  {
    guard: 'the fence at the tool servers',
    test: 'stop-under-load',
    expect: /to deeply equal \[\]/,
    timeoutMs: 180_000,
  },
  () =>
    expectStopsHold({
      prefix: 'unfenced-',
      rounds: 4,
      random: seeded(41),
      makeStop: async ({ record }) => {
        const { epoch } = await raiseStop(record, { scope: 'everything', actor: 'control' })
        return { epoch, acknowledged_at: new Date().toISOString(), tools: [] }
      },
    }),
)
