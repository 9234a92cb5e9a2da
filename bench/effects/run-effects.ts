import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { openRedis } from '@chimera/infra/stack/redis-server'

import { PEERS } from '../peers/catalogue.ts'
import { installPeers } from '../peers/install-peers.ts'
import { openSendProvider } from '../provider/send-provider.ts'
import { openStateDir } from '../stack/bench-stack.ts'
import { openChimeraContestant } from './chimera-contestant.ts'
import type { Contestant, Outcome } from './contestant.ts'
import { openPeerContestant } from './peer-contestant.ts'

/** A contestant with what became of its intents, or why it took no part. */
export type Entry = Pick<
  Contestant,
  'id' | 'name' | 'version' | 'recovery' | 'recoversByItself'
> & { absent?: string; outcomes: Outcome[] }

/** Everybody does one intent a round, in turns, each round beginning with another one. */
export async function runEffects(options: {
  rounds: number
  env: Readonly<Record<string, string | undefined>>
  commit: string
  log: (sentence: string) => void
}): Promise<Entry[]> {
  const { log } = options
  await using opened = new AsyncDisposableStack()
  const { contestants, absent } = await openContestants({ ...options, opened })
  const entries = contestants.map((contestant) => ({
    contestant,
    entry: entryOf(contestant),
  }))
  for (let round = 0; round < options.rounds; round += 1) {
    const shift = round % entries.length
    for (const { contestant, entry } of [...entries.slice(shift), ...entries.slice(0, shift)]) {
      const intent = `${contestant.id}-${round + 1}`
      const outcome = await contestant.round(intent).catch((error: unknown) => ({
        intent,
        effects: Number.NaN,
        kills: 0,
        recovered_ms: null,
        fault: String(error),
      }))
      entry.outcomes.push(outcome)
      log(`${intent}: ${outcome.effects} effects, ${outcome.kills} kills ${outcome.fault ?? ''}`)
    }
  }
  return [...entries.map(({ entry }) => entry), ...absent]
}

const entryOf = (one: Omit<Entry, 'outcomes' | 'absent'>): Entry => ({
  id: one.id,
  name: one.name,
  version: one.version,
  recovery: one.recovery,
  recoversByItself: one.recoversByItself,
  outcomes: [],
})

async function openContestants(options: {
  env: Readonly<Record<string, string | undefined>>
  commit: string
  log: (sentence: string) => void
  opened: AsyncDisposableStack
}): Promise<{ contestants: Contestant[]; absent: Entry[] }> {
  const { env, log, opened } = options
  const { stateDir } = opened.use(openStateDir())
  const postgres = opened.use(await openPostgres({ stateDir, log }))
  const redis = opened.use(await openRedis({ stateDir, log, install: true }))
  const provider = opened.use(await openSendProvider(join(stateDir, 'provider.jsonl')))
  const killIn = join(stateDir, 'killed')
  mkdirSync(killIn)
  const contestants = [opened.use(openChimeraContestant({ version: options.commit, env }))]
  const absent: Entry[] = []
  for (const installed of await installPeers({ peers: PEERS, log })) {
    const leave = (reason: string): void => {
      log(`ABSENT: ${installed.peer.name}: ${reason}`)
      absent.push({ ...entryOf({ ...installed.peer, version: installed.version }), absent: reason })
    }
    if (installed.missing !== undefined) {
      leave(installed.missing)
      continue
    }
    try {
      const servers = { databaseUrl: postgres.url, redisSocket: redis.url }
      contestants.push(
        opened.use(await openPeerContestant({ installed, servers, provider, killIn, env })),
      )
    } catch (error) {
      leave(String(error))
    }
  }
  return { contestants, absent }
}
