import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'

import { endProcess, type LineProcess, openLineProcess } from '../processes/line-process.ts'
import { type JobSettings, type Order, Word } from './job.ts'
import type { Peer, PeerServers } from './peer.ts'
import { openRestateServer } from './restate/restate-server.ts'

/**
 * A peer with its database and its server, whose program can be started, killed and started again.
 */
export type OpenPeer = AsyncDisposable &
  Readonly<{
    /** Starts its program; `killIn` is the folder of the deaths (see `job.ts`). */
    start: (options: {
      killIn?: string
      onFinished: (intent: string) => void
      onBurst?: (name: string, seconds: number) => void
      onPace?: (name: string, waits: readonly number[]) => void
    }) => Promise<PeerProgram>
  }>

/** One life of a peer's program. */
export type PeerProgram = Readonly<{
  tell: (order: Order) => void
  ended: LineProcess['ended']
  lastWords: () => string
  /** Closes it in good order, or kills it when that takes too long. */
  close: () => Promise<void>
}>

const READY_WITHIN_MS = 60_000
const CLOSE_WITHIN_MS = 5_000

/** Gives the peer a database of its own, and Restate its server. */
export async function openPeer(options: {
  peer: Peer
  servers: PeerServers
  /** Absent: its jobs do nothing, and are measured in bursts. */
  providerUrl?: string
  env: Readonly<Record<string, string | undefined>>
}): Promise<OpenPeer> {
  const { peer, env } = options
  await using opening = new AsyncDisposableStack()
  const database = opening.use(await createDatabase(options.servers.databaseUrl, peer.id))
  const restate =
    peer.id === 'restate' ? opening.use(await openRestateServer(env)).restate : undefined
  const open = opening.move()
  return {
    start: ({ killIn, onFinished, onBurst, onPace }) => {
      const settings: JobSettings = {
        databaseUrl: database.url,
        redisSocket: options.servers.redisSocket,
        ...(options.providerUrl === undefined ? {} : { providerUrl: options.providerUrl }),
        killIn,
        restate,
      }
      return startProgram({ peer, env, settings, onFinished, onBurst, onPace })
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function startProgram(options: {
  peer: Peer
  env: Readonly<Record<string, string | undefined>>
  settings: JobSettings
  onFinished: (intent: string) => void
  onBurst: ((name: string, seconds: number) => void) | undefined
  onPace: ((name: string, waits: readonly number[]) => void) | undefined
}): Promise<PeerProgram> {
  const ready = Promise.withResolvers<void>()
  const child = openLineProcess({
    command: process.execPath,
    args: [
      '--import',
      join(import.meta.dirname, 'resolve-packages.ts'),
      join(import.meta.dirname, options.peer.id, 'main.ts'),
      JSON.stringify(options.settings),
    ],
    cwd: import.meta.dirname,
    env: options.env,
    onLine: (line) => {
      const word = parseWord(line)
      if (word?.said === 'ready') ready.resolve()
      if (word?.said === 'finished') options.onFinished(word.intent)
      if (word?.said === 'burst') options.onBurst?.(word.name, word.seconds)
      if (word?.said === 'pace') options.onPace?.(word.name, word.waits)
    },
  })
  const late = setTimeout(() => ready.reject(new Error('it is not ready')), READY_WITHIN_MS)
  // It may die of work that it took up again before it said that it is ready: that is a life too.
  const died = failUnlessKilled(child)
  died.catch(() => undefined)
  try {
    await Promise.race([ready.promise, died])
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(late)
  }
  const tell = (order: Order): void => child.say(JSON.stringify(order))
  return {
    tell,
    ended: child.ended,
    lastWords: child.lastWords,
    close: () => endProcess(child, () => tell({ do: 'close' }), CLOSE_WITHIN_MS),
  }
}

async function failUnlessKilled(child: LineProcess): Promise<void> {
  const { code, signal } = await child.ended
  if (signal !== 'SIGKILL') throw new Error(`it ended ${code}: ${child.lastWords()}`)
}

/** Frameworks write banners and logs there too. */
function parseWord(line: string): Word | undefined {
  if (!line.startsWith('{"said"')) return undefined
  return Word.safeParse(JSON.parse(line)).data
}

async function createDatabase(
  serverUrl: string,
  peer: string,
): Promise<AsyncDisposable & { url: string }> {
  const name = `peer_${peer.replaceAll('-', '_')}_${randomBytes(4).toString('hex')}`
  const log = openLog({ name: 'bench', level: 'silent' })
  const server = openDatabase({ url: serverUrl, name: 'bench', log, max: 1 })
  await server.query({ text: `CREATE DATABASE ${name}` })
  const url = new URL(serverUrl)
  url.pathname = name
  return { url: url.href, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
