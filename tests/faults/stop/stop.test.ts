import { StopReport } from '@chimera/contracts/observable'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { afterAll, beforeAll, expect } from 'vitest'

import { eventually } from '../../e2e/stack-rig.ts'
import { control, guarantee, sampleSize, seeded, type Random } from '../../guarantee.ts'
import { allCompleted, openFaultRig, type FaultRig } from '../fault-rig.ts'
import {
  ledgerOf,
  notOnce,
  percentile,
  resume,
  stopOverHttp,
  stopUnderLoad,
  unannounced,
  type MakeStop,
} from './stop-load.ts'

/** One send after the other, as fast as X takes them. */
const QUICK = { TWEET_COOLDOWN_MS: '1' }

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

/** Goals that wait in the tool server's queue, or on their way to it. */
async function postMany({ rig }: FaultRig, prefix: string, n: number): Promise<void> {
  for (let at = 0; at < n; at += 1) {
    await rig.xadd('text', `publish a tweet: ${prefix}${at}`, 'id', `${prefix}${at}`)
  }
}

guarantee(
  {
    id: 'stop-asleep',
    title: 'a tool server that slept through a stop is named, and claims nothing when it wakes up',
    n: sampleSize({ ci: 3, full: 20 }),
    seed: 42,
    timeoutMs: 600_000,
  },
  async ({ n, random }) => {
    const { rig } = of
    for (let round = 0; round < n; round += 1) {
      const prefix = `s-${round}-`
      await postMany(of, prefix, 20)
      const isSending = () => rig.posts().some(({ body }) => JSON.stringify(body).includes(prefix))
      await eventually(() => isSending() || undefined, 30_000, 'the load flows')
      await rig.signal('tweet', 'SIGSTOP')
      const stop = await rig.cli('stop', '--json')
      expect(stop.code).toBe(1)
      const report = StopReport.parse(JSON.parse(stop.stdout))
      expect(report.tools).toMatchObject([{ name: 'tweet', result: 'unreachable' }])
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 1_000)))
      const wokenAt = new Date().toISOString()
      await rig.signal('tweet', 'SIGCONT')
      await eventually(
        async () => (await rig.status()).tools[0]?.state === 'fenced' || undefined,
        10_000,
        'the tool server is fenced',
      )
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const claimed = (await ledgerOf(rig)).filter(
        ({ claimed_at: at, state }) => at !== null && at > wokenAt && state !== 'VOID',
      )
      expect(claimed).toEqual([])
      await resume(rig)
      await allCompleted(of, { prefix, n: 20, withinMs: 60_000 })
    }
    expect(notOnce(of)).toEqual([])
  },
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
