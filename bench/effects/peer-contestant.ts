import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { InstalledPeer } from '../peers/install-peers.ts'
import { type OpenPeer, openPeer, type PeerProgram } from '../peers/open-peer.ts'
import type { PeerServers } from '../peers/peer.ts'
import type { SendProvider } from '../provider/send-provider.ts'
import { type Contestant, ROUND_WITHIN_MS } from './contestant.ts'

/** A job that was killed and is done must not be done once more a moment later. */
const SETTLE_MS = 1_000
/** One death is what is asked for; a program that dies again and again is stopped. */
const MAX_LIVES = 5

/** A framework as a contestant, its database and server open for all rounds. */
export async function openPeerContestant(options: {
  installed: InstalledPeer
  servers: PeerServers
  provider: SendProvider
  killIn: string
  env: Readonly<Record<string, string | undefined>>
}): Promise<Contestant> {
  const { installed, servers, provider, killIn, env } = options
  const { peer, version } = installed
  const open = await openPeer({ peer, servers, providerUrl: provider.url, env })
  return {
    id: peer.id,
    name: peer.name,
    version,
    recovery: peer.recovery,
    recoversByItself: peer.recoversByItself,
    round: async (intent) => {
      const lived = await live({ open, intent, killIn })
      await sleep(SETTLE_MS)
      const mark = join(killIn, `${intent}.killed`)
      const diedAt = existsSync(mark) ? Number(readFileSync(mark, 'utf8')) : undefined
      return {
        intent,
        effects: provider.effectsOf(intent),
        kills: lived.deaths,
        recovered_ms:
          lived.finishedAt === undefined || diedAt === undefined ? null : lived.finishedAt - diedAt,
        ...(lived.fault === undefined ? {} : { fault: lived.fault }),
      }
    },
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

type Lived = { deaths: number; finishedAt?: number; fault?: string }

/** Starts the program as often as it dies, as a supervisor would, until the job is done. */
async function live(options: { open: OpenPeer; intent: string; killIn: string }): Promise<Lived> {
  const { open, intent, killIn } = options
  const until = Date.now() + ROUND_WITHIN_MS
  const finished = Promise.withResolvers<number>()
  const onFinished = (one: string): void => {
    if (one === intent) finished.resolve(Date.now())
  }
  let deaths = 0
  while (deaths < MAX_LIVES) {
    const program = await open.start({ killIn, onFinished })
    program.tell({ do: deaths === 0 ? 'submit' : 'resume', intent })
    const end = await endOf(program, finished.promise, until)
    if (end.kind === 'died') {
      deaths += 1
      continue
    }
    await program.close()
    if (end.kind === 'finished') return { deaths, finishedAt: end.at }
    return { deaths, fault: `not done within ${ROUND_WITHIN_MS} ms: ${program.lastWords()}` }
  }
  return { deaths, fault: `died ${deaths} times` }
}

type End = { kind: 'died' } | { kind: 'finished'; at: number } | { kind: 'late' }

async function endOf(program: PeerProgram, finished: Promise<number>, until: number): Promise<End> {
  const waiting = new AbortController()
  const late = sleep(Math.max(0, until - Date.now()), undefined, { signal: waiting.signal })
  late.catch(() => undefined)
  try {
    return await Promise.race([
      finished.then((at): End => ({ kind: 'finished', at })),
      program.ended.then((): End => ({ kind: 'died' })),
      late.then((): End => ({ kind: 'late' })),
    ])
  } finally {
    waiting.abort()
  }
}
