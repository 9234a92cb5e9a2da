import { type ChildProcess, spawn } from 'node:child_process'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { CancelledError, type ChimeraError, RetryableError } from '@chimera/contracts/errors'

import type { Environment } from '../process-environment.ts'
import { tryLock } from '../processes/file-lock.ts'
import type { StackLog } from '../stack-log.ts'
import { findNoRoom } from './build-room.ts'
import { findGo } from './find-go.ts'
import { WEAVIATE_PROGRAM, weaviateFolder } from './weaviate-binary.ts'

const MODULE = 'github.com/weaviate/weaviate'
/** The one that everything here was tried with; docker-compose.yml names the same. */
const VERSION = 'v1.39.0'

const TELL_EVERY_MS = 20_000
const LOOK_EVERY_MS = 500
/** A compiler that does not hear SIGTERM for so long is killed. */
const KILL_AFTER_MS = 5_000
/** So many of the compiler's last lines say why it failed. */
const LAST_LINES = 6
/** The remains of a build that was killed. */
const UNFINISHED = 'building-'

type Building = Readonly<{
  env: Environment
  log: StackLog
  /** Where the program goes, for tests; `.chimera/bin` otherwise. */
  folder?: string
  /** It is stopped then, and Go keeps what it has; without a limit it takes what it takes. */
  withinMs?: number
  signal?: AbortSignal
}>

/**
 * Builds the server with Go into `.chimera/bin`, where it stays: three minutes on two idle cores
 * from nothing, ten seconds where Go has compiled it before. A second process that asks for it
 * waits for the first.
 *
 * @throws RetryableError `UNAVAILABLE` that says why there is no server
 * @throws CancelledError when the signal says so
 */
export async function buildWeaviate(options: Building): Promise<string> {
  const { folder = weaviateFolder(), withinMs, log } = options
  const file = path.join(folder, WEAVIATE_PROGRAM)
  const go = await findGo(options.env)
  if ('missing' in go) throw unbuilt(go.missing)
  await mkdir(folder, { recursive: true })
  const limit = withinMs === undefined ? [] : [AbortSignal.timeout(withinMs)]
  const signal = AbortSignal.any([...limit, ...(options.signal ? [options.signal] : [])])
  const whyStopped = (): ChimeraError =>
    options.signal?.aborted === true
      ? new CancelledError('CANCELLED', 'The build was called off.')
      : unbuilt(
          `it was not done within ${(withinMs ?? 0) / 60_000} minutes and was stopped; Go keeps ` +
            'what it has compiled, and the next build goes on from there',
        )
  using turn = new DisposableStack()
  turn.use(await takeTurn(path.join(folder, 'build.lock'), signal, whyStopped))
  if (await isThere(file)) return file
  const noRoom = findNoRoom(go, `${MODULE}@${VERSION}`)
  if (noRoom !== undefined) throw unbuilt(noRoom)
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED)) await rm(path.join(folder, name), { recursive: true })
  }
  const unfinished = path.join(folder, `${UNFINISHED}${process.pid}`)
  log(`building ${WEAVIATE_PROGRAM} ${VERSION} with Go ${go.version} (once, some minutes) ...`)
  try {
    const said = await install(unfinished, { env: options.env, log, signal })
    if (signal.aborted) throw whyStopped()
    if (said !== undefined) throw unbuilt(said)
    // Whole or not at all: a stack may be looking for it at this moment.
    await rename(path.join(unfinished, WEAVIATE_PROGRAM), file)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  log(`built ${file}; Go keeps 3.6 GB for the next time: go clean -cache -modcache removes it`)
  return file
}

const unbuilt = (why: string): RetryableError =>
  new RetryableError('UNAVAILABLE', `${WEAVIATE_PROGRAM} cannot be built: ${why}.`)

/** Answers the compiler's last words when it failed, and nothing when it did not. */
async function install(
  folder: string,
  of: { env: Environment; log: StackLog; signal: AbortSignal },
): Promise<string | undefined> {
  const child = spawn('go', ['install', '-v', `${MODULE}/cmd/${WEAVIATE_PROGRAM}@${VERSION}`], {
    env: { ...of.env, GOBIN: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: the compilers that it starts have to end with it.
    detached: true,
  })
  const ended = new Promise<number | undefined>((resolve) => {
    child.once('error', () => resolve(undefined))
    child.once('exit', (code) => resolve(code ?? undefined))
  })
  const said: string[] = []
  const sum = { modules: 0, packages: 0 }
  createInterface({ input: child.stderr }).on('line', (line) => {
    sum[line.startsWith('go: downloading ') ? 'modules' : 'packages'] += 1
    said.push(line)
    if (said.length > LAST_LINES) said.shift()
  })
  using running = new DisposableStack()
  running.use(endsWith(child, of.signal))
  running.use(tells(sum, of.log))
  return (await ended) === 0 ? undefined : said.join(' ').slice(-600)
}

/** Ends the compiler, and the compilers that it started, when the signal says so. */
function endsWith({ pid }: ChildProcess, signal: AbortSignal): Disposable {
  const send = (name: 'SIGTERM' | 'SIGKILL'): void => {
    try {
      if (pid !== undefined) process.kill(-pid, name)
    } catch {
      // It has ended by itself.
    }
  }
  let kill: NodeJS.Timeout | undefined
  const stop = (): void => {
    send('SIGTERM')
    kill = setTimeout(() => send('SIGKILL'), KILL_AFTER_MS)
  }
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return {
    [Symbol.dispose]: () => {
      signal.removeEventListener('abort', stop)
      clearTimeout(kill)
    },
  }
}

function tells(sum: { modules: number; packages: number }, log: StackLog): Disposable {
  const started = Date.now()
  const tell = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000)
    const { modules, packages } = sum
    const done = `${modules} modules fetched, ${packages} packages compiled`
    log(`building ${WEAVIATE_PROGRAM}: ${done}, ${seconds} s`)
  }, TELL_EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(tell) }
}

async function takeTurn(
  lockFile: string,
  signal: AbortSignal,
  whyStopped: () => ChimeraError,
): Promise<Disposable> {
  for (;;) {
    const lock = tryLock(lockFile)
    if (lock !== undefined) return lock
    if (signal.aborted) throw whyStopped()
    await sleep(LOOK_EVERY_MS)
  }
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )
