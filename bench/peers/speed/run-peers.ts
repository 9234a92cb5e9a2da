import { openDatabase } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/stack/redis-server'
import { openLog } from '@chimera/runtime/log'

import { openBareLine } from '../../ceiling/bare-line.ts'
import { openBenchStack, openStateDir } from '../../stack/bench-stack.ts'
import { type Line, measureBurst, productLine } from '../../swarm/measure-burst.ts'
import { FAST_PEERS } from '../catalogue.ts'
import { CONSUMERS, measureConsume } from '../consume/measure-consume.ts'
import { installPeers } from '../install-peers.ts'
import { openPeer } from '../open-peer.ts'
import { measurePeer } from './measure-peer.ts'
import { BARE, type Contestant, OURS } from './peers-report.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** One turn of one contestant. */
type Turn = Readonly<{ contestant: Contestant; take: (round: number) => Promise<number> }>

const WARM_UP = 1_000
/** Several seconds for BullMQ, a fraction of one for the others. */
const ENTRIES = 30_000

/**
 * Everybody does one burst a round on the same PostgreSQL and the same Redis, in turns, each round
 * beginning with another one; then one consumer of each kind on a Redis of its own.
 */
export async function runPeers(options: {
  rounds: number
  tasks: number
  env: Environment
  commit: string
  log: (sentence: string) => void
}): Promise<{ jobs: Contestant[]; consumers: Contestant[] }> {
  const { rounds, tasks, env, commit, log } = options
  await using opened = new AsyncDisposableStack()
  const { stateDir } = opened.use(openStateDir())
  const stack = opened.use(await openBenchStack({ stateDir, env: { ...env, SWARM_TOOLS: 'off' } }))
  const { urls } = await stack.report()
  const silent = openLog({ name: 'bench', level: 'silent' })
  const database = opened.use(
    openDatabase({ url: urls.postgres, name: 'bench', log: silent, max: 1 }),
  )
  const lineTurn = async (id: string, line: Line): Promise<Turn> => {
    const burst = { line, database, statisticsMs: 0 }
    await measureBurst({ ...burst, tasks: WARM_UP, name: `${id}-warm` })
    return {
      contestant: contestantOf({ id, name: id, version: commit, jobs: tasks }),
      take: async (round) =>
        (await measureBurst({ ...burst, tasks, name: `${id}-${round}` })).tasks_per_s,
    }
  }
  log('warming up')
  const turns: Turn[] = [
    await lineTurn(OURS, await productLine(stack)),
    await lineTurn(BARE, await openBareLine({ stack, database, pipeline: 'bare', env, opened })),
  ]
  const servers = { databaseUrl: urls.postgres, redisSocket: urls.redis }
  const peers = await openPeers({ servers, env, log, opened })
  turns.push(...peers.turns)
  await takeTurns({ turns, rounds, log })
  const consumers = await consumerTurns({ env, log, opened })
  await takeTurns({ turns: consumers, rounds, log })
  return {
    jobs: [...turns.map(({ contestant }) => contestant), ...peers.absent],
    consumers: consumers.map(({ contestant }) => contestant),
  }
}

async function takeTurns(of: {
  turns: readonly Turn[]
  rounds: number
  log: (sentence: string) => void
}): Promise<void> {
  const { turns, rounds, log } = of
  for (let round = 0; round < rounds; round += 1) {
    const shift = round % turns.length
    for (const { contestant, take } of [...turns.slice(shift), ...turns.slice(0, shift)]) {
      try {
        const found = await take(round)
        contestant.per_s.push(found)
        log(`round ${round + 1}: ${contestant.name} ${Math.round(found)} /s`)
      } catch (error) {
        // A round without it: its ratios are of the others.
        contestant.per_s.push(Number.NaN)
        contestant.faults.push(said(error))
        log(`round ${round + 1}: ${contestant.name}: ${said(error)}`)
      }
    }
  }
}

async function openPeers(of: {
  servers: { databaseUrl: string; redisSocket: string }
  env: Environment
  log: (sentence: string) => void
  opened: AsyncDisposableStack
}): Promise<{ turns: Turn[]; absent: Contestant[] }> {
  const { servers, env, log, opened } = of
  const turns: Turn[] = []
  const absent: Contestant[] = []
  for (const { peer, version, missing } of await installPeers({ peers: FAST_PEERS, log })) {
    const { id, name, burst: jobs } = peer
    const contestant = contestantOf({ id, name, version, jobs })
    try {
      if (missing !== undefined) throw new Error(missing)
      const open = opened.use(await openPeer({ peer, servers, env }))
      const take = (round: number): Promise<number> =>
        measurePeer({ peer: open, name: `${id}-${round}`, jobs })
      turns.push({ contestant, take })
    } catch (error) {
      log(`ABSENT: ${name}: ${said(error)}`)
      absent.push({ ...contestant, absent: said(error) })
    }
  }
  return { turns, absent }
}

async function consumerTurns(of: {
  env: Environment
  log: (sentence: string) => void
  opened: AsyncDisposableStack
}): Promise<Turn[]> {
  const { env, log, opened } = of
  // Its rings are on the Judge's own stream: not where a Judge is.
  const { stateDir } = opened.use(openStateDir())
  const { url: redisSocket } = opened.use(await openRedis({ stateDir, log, install: true }))
  return CONSUMERS.map((consumer) => ({
    contestant: contestantOf({ id: consumer, name: consumer, version: '', jobs: ENTRIES }),
    take: () => measureConsume({ consumer, redisSocket, entries: ENTRIES, env }),
  }))
}

const contestantOf = (of: Pick<Contestant, 'id' | 'name' | 'version' | 'jobs'>): Contestant => ({
  ...of,
  per_s: [],
  faults: [],
})

const said = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  return `${error instanceof Error ? error.message : String(error)} ${cause}`.trim()
}
