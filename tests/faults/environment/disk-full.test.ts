import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '@chimera/infra/database/open-database'
import { stateDirPaths, type StateDirPaths } from '@chimera/infra/stack/state-dir'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { eventually, logs } from '../../e2e/stack-rig.ts'
import { type Random, sampleSize } from '../../guarantee.ts'
import { Rig } from '../../integration/tool-rig.ts'
import { openStormRig, type StormRig } from '../storm/storm-rig.ts'
import { planGoals } from '../storm/workload.ts'
import { fillUp, findMountFault, mountSmallDisk } from './small-disk.ts'
import { onMachine } from './where.ts'

/**
 * A disk fills up under one of the three that write, in the middle of work; later there is room
 * again, and nobody types anything.
 */

const fault = findMountFault()
const { guarantee, control } = onMachine(fault)

const TWEET = { text: 'said once', is_ai_labeled: true }
const OVER_MS = sampleSize({ ci: 1_500, full: 3_000 })
const STAYS_FULL_MS = sampleSize({ ci: 800, full: 3_000 })
const SETTLES_WITHIN_MS = 60_000
const n = sampleSize({ ci: 20, full: 300 })
const times = sampleSize({ ci: 1, full: 10 })
/** Six thousand goals leave more behind than sixty: a disk is full only when it is made so. */
const more = sampleSize({ ci: 1, full: 16 })
const timeoutMs = sampleSize({ ci: 180_000, full: 900_000 })

let storm: StormRig
let paths: StateDirPaths

beforeAll(async () => {
  if (fault !== undefined) return
  storm = await openStormRig({
    prepare: (stateDir) => {
      paths = stateDirPaths(stateDir)
      const disks = new DisposableStack()
      // Room for a cluster, and for the copy of the binaries that root may have to make.
      disks.use(mountSmallDisk(paths.postgres, { megabytes: 224 + 64 * more, mode: 0o711 }))
      disks.use(mountSmallDisk(paths.redis, { megabytes: 16 * more, mode: 0o700 }))
      disks.use(mountSmallDisk(paths.ledgers, { megabytes: 8 * more, mode: 0o700 }))
      return disks
    },
  })
}, 120_000)
afterAll(async () => {
  if (fault === undefined) await storm[Symbol.asyncDispose]()
})

/** Goals come in, the disk under the folder is full for as long as `during` takes, all is done. */
async function whileFull(of: {
  folder: string
  random: Random
  prefix: string
  during: () => Promise<void>
}): Promise<void> {
  const goals = planGoals(of.random, { n, prefix: of.prefix, byStream: 0 })
  const posting = storm.post(goals, OVER_MS)
  await sleep(of.random.integer(300, OVER_MS / 2))
  const ballast = fillUp(of.folder)
  try {
    const { stderr } = await storm.rig.cli('status')
    expect(stderr).toContain(`disk: ${of.folder} has 0 MB left`)
    await of.during()
  } finally {
    ballast[Symbol.dispose]()
  }
  await posting
  const { checked, settledInMs } = await storm.settle(SETTLES_WITHIN_MS)
  expect(checked.findings.slice(0, 20), logs(storm.rig.stateDir)).toEqual([])
  expect(settledInMs, 'everything settles').toBeDefined()
  expect(checked.counts.completed).toBe(checked.counts.accepted)
}

const post = (id: string) =>
  storm.rig.api('/v1/goals', { method: 'POST', body: { id, text: `generic: think of ${id}` } })

/** Asks in vain; answers the detail of the refusal. */
async function refusedWith503(prefix: string): Promise<string> {
  let asked = 0
  return eventually(
    async () => {
      asked += 1
      const answer = await post(`${prefix}-probe-${asked}`)
      const said = await answer.text()
      return answer.status === 503 ? said : undefined
    },
    10_000,
    'a goal is refused with 503',
  )
}

guarantee(
  {
    id: 'disk-full-postgres',
    title: 'the disk of PostgreSQL is full: 503 and no word that is not kept, then work goes on',
    n: times,
    seed: 51,
    timeoutMs,
  },
  async ({ n: rounds, random }) => {
    const log = openLog({ name: 'test', level: 'silent' })
    const { urls } = await storm.stack.report()
    for (let round = 0; round < rounds; round += 1) {
      const prefix = `pg-full-${round}`
      const during = async () => {
        // Pages with room in them take rows for a while; a new segment of the log has none.
        await using record = openDatabase({ url: urls.postgres, name: 'test', log, max: 1 })
        const isFull = async () => {
          await record.query({
            text: `CREATE TABLE ballast AS
              SELECT repeat('x', 1000) AS x FROM generate_series(1, 50000)`,
          })
          await record.query({ text: 'DROP TABLE ballast' })
        }
        // A server that cannot write its log goes down, and may be met there.
        await expect(isFull()).rejects.toThrow(
          /The disk of PostgreSQL is full|PostgreSQL cannot be reached/,
        )
        expect(await refusedWith503(prefix)).toContain('PostgreSQL')
        await sleep(STAYS_FULL_MS)
      }
      await whileFull({ folder: paths.postgres, random, prefix, during })
    }
  },
)

guarantee(
  {
    id: 'disk-full-redis',
    title: 'the disk of Redis is full: it refuses every write, and nothing accepted waits for it',
    n: times,
    seed: 52,
    timeoutMs,
  },
  async ({ n: rounds, random }) => {
    for (let round = 0; round < rounds; round += 1) {
      const prefix = `redis-full-${round}`
      const during = async () => {
        const isMisconfigured = async () => {
          const refused = storm.redis.set('ballast', 'x').then(
            () => undefined,
            (error: unknown) => String(error),
          )
          return (await refused)?.includes('MISCONF') === true ? true : undefined
        }
        await eventually(isMisconfigured, 10_000, 'Redis refuses to write')
        // The record takes goals all the same: Redis only rings.
        expect((await post(`${prefix}-taken`)).status).toBe(201)
        await sleep(STAYS_FULL_MS)
      }
      await whileFull({ folder: paths.redis, random, prefix, during })
    }
  },
)

/** Posts that X has seen, whatever it did with them. */
const postsAtX = (): number => storm.provider().filter(({ method }) => method === 'POST').length

guarantee(
  {
    id: 'disk-full-ledger',
    title: 'the disk of a ledger is full: no effect without a claim, and none in doubt for ever',
    n: times,
    seed: 53,
    timeoutMs,
  },
  async ({ n: rounds, random }) => {
    for (let round = 0; round < rounds; round += 1) {
      const during = async () => {
        const isClosed = async () => {
          const [tool] = (await storm.rig.status()).tools
          return tool?.state === 'closed' ? tool.reason : undefined
        }
        const reason = await eventually(isClosed, 10_000, 'the tool server closes')
        const before = postsAtX()
        await sleep(STAYS_FULL_MS)
        expect(postsAtX() - before, 'posts while nothing can be claimed').toBe(0)
        expect(reason).toMatch(/^LEDGER_UNWRITABLE: .*disk is full|^does not answer/)
      }
      // Every other time answers are lost: their outcome has to be written when there is no room.
      if (round % 2 === 0) await storm.rig.misbehave({ fault: 'hang', times: 2 })
      await whileFull({ folder: paths.ledgers, random, prefix: `ledger-full-${round}`, during })
    }
  },
)

/** A tool server of its own is asked to act while its disk is full, and again when it is not. */
async function actOnFullDisk(composed?: readonly string[]): Promise<void> {
  await using rig = new Rig()
  await rig.startX({ inside: true })
  const folder = join(rig.folder, 'disk')
  using disks = new DisposableStack()
  disks.use(mountSmallDisk(folder, { megabytes: 2, mode: 0o700 }))
  const env = { TWEET_COOLDOWN_MS: '1', TOOL_LEDGER: join(folder, 'ledger.sqlite') }
  await rig.startTool({ env, ...(composed === undefined ? {} : { composed }) })
  const claims = rig.claims({ args: TWEET })
  const ballast = fillUp(folder)
  const refused = await rig.call(claims, TWEET)
  expect(rig.posts(), 'posts without a claim').toHaveLength(0)
  expect(refused).toMatchObject({ status: 'NONE', code: 'LEDGER_UNWRITABLE', receipt: undefined })
  expect(rig.tool.lines.join('\n')).toContain('"alarm":true')
  ballast[Symbol.dispose]()
  const isDone = async () => (await rig.call(claims, TWEET)).status === 'CONFIRMED' || undefined
  await eventually(isDone, 10_000, 'there is room again, and it is done')
  expect(rig.posts()).toHaveLength(1)
}

guarantee(
  { id: 'disk-full-claim', title: 'what cannot be claimed is not done', n: 1, seed: 54 },
  () => actOnFullDisk(),
)

control(
  {
    guard: 'the claim before the act',
    test: 'disk-full-claim',
    expect: /posts without a claim.*but got 1/s,
  },
  () => actOnFullDisk(['without=claim']),
)
