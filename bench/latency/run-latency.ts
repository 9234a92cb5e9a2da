import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'

import { PEERS } from '../peers/catalogue.ts'
import { installPeers } from '../peers/install-peers.ts'
import { openPeer } from '../peers/open-peer.ts'
import { summarize } from '../report/figures.ts'
import { openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { measureBurst, productLine } from '../swarm/measure-burst.ts'
import { measurePace } from '../swarm/measure-pace.ts'
import type { LatencyFound, LatencyRound, PeerWaits, Turn, Waits } from './latency-report.ts'
import { pacePeer } from './pace-peer.ts'

type Environment = Readonly<Record<string, string | undefined>>

const WARM_UP = 500
/** Slow enough that everything sleeps between two tasks. */
const SLOW_PER_S = 1

/**
 * The swarm and BullMQ on the same PostgreSQL and Redis, in turns, first at the rate and then one
 * task at a time; each round begins with the other one.
 */
export async function runLatency(options: {
  rounds: number
  rate: number
  seconds: number
  slowSeconds: number
  env: Environment
  log: (line: string) => void
}): Promise<LatencyFound> {
  const { rounds: wanted, rate, seconds, slowSeconds, env, log } = options
  await using opened = new AsyncDisposableStack()
  const { stateDir } = opened.use(openStateDir())
  const stack = opened.use(await openBenchStack({ stateDir, env: { ...env, SWARM_TOOLS: 'off' } }))
  const { urls } = await stack.report()
  const silent = openLog({ name: 'bench', level: 'silent' })
  const database = opened.use(
    openDatabase({ url: urls.postgres, name: 'bench', log: silent, max: 1 }),
  )
  const line = await productLine(stack)
  const swarm = async (name: string, turn: Turn): Promise<Waits> => {
    await measureBurst({ line, database, tasks: WARM_UP, name: `warm${name}`, statisticsMs: 0 })
    return measurePace({ stack, database, name, ...turn })
  }
  const [installed] = await installPeers({ peers: PEERS.filter(({ id }) => id === 'bullmq'), log })
  if (installed?.missing !== undefined || installed === undefined)
    throw new Error(`BullMQ cannot be measured: ${installed?.missing}`)
  const servers = { databaseUrl: urls.postgres, redisSocket: urls.redis }
  const peer = opened.use(await openPeer({ peer: installed.peer, servers, env }))
  const bullmq = async (name: string, turn: Turn): Promise<PeerWaits> => ({
    three_hops: summarize(await pacePeer({ peer, name, ...turn })),
  })

  const paces = {
    fast: { perSecond: rate, seconds },
    slow: { perSecond: SLOW_PER_S, seconds: slowSeconds },
  }
  const rounds: LatencyRound[] = []
  for (let n = 0; n < wanted; n += 1) {
    const of = async (pace: 'fast' | 'slow') => {
      const name = `${pace}${n}`
      log(`round ${n + 1}: ${paces[pace].perSecond} a second for ${paces[pace].seconds} s, twice`)
      if (n % 2 === 0) {
        const ours = await swarm(name, paces[pace])
        return { swarm: ours, bullmq: await bullmq(name, paces[pace]) }
      }
      const theirs = await bullmq(name, paces[pace])
      return { swarm: await swarm(name, paces[pace]), bullmq: theirs }
    }
    rounds.push({ fast: await of('fast'), slow: await of('slow') })
  }
  return { rate, version: installed.version, rounds }
}
