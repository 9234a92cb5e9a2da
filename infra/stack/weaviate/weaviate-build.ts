import { execFile, spawn } from 'node:child_process'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { constants as machine, setPriority } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import { CancelledError, RetryableError } from '@chimera/contracts/errors'

import type { Environment } from '../process-environment.ts'
import { tryLock } from '../processes/file-lock.ts'
import type { StackLog } from '../stack-log.ts'
import { WEAVIATE_PROGRAM, weaviateFolder } from './weaviate-binary.ts'

const run = promisify(execFile)

/** The version that everything here was tried with; docker-compose.yml names the same. */
export const WEAVIATE_MODULE = 'github.com/weaviate/weaviate/cmd/weaviate-server@v1.39.0'

/** What the module asks of Go. */
const LEAST_GO = { major: 1, minor: 26 } as const
const TELL_EVERY_MS = 20_000
const LOOK_EVERY_MS = 500
/** So many of the compiler's last lines say why it failed. */
const LAST_LINES = 6
/** The remains of a build that was killed. */
const UNFINISHED = 'building-'

/** The Go of this machine, or why there is none of use. */
export async function findGo(env: Environment): Promise<{ version: string } | { missing: string }> {
  const needed = `Go ${LEAST_GO.major}.${LEAST_GO.minor} or newer`
  const told = await run('go', ['env', 'GOVERSION'], { env: { ...env }, timeout: 20_000 }).catch(
    () => undefined,
  )
  if (told === undefined) return { missing: `no ${needed} is on the PATH` }
  const [, version = '', major = 0, minor = 0] = /go((\d+)\.(\d+)\S*)/.exec(told.stdout) ?? []
  const isNew =
    Number(major) > LEAST_GO.major ||
    (Number(major) === LEAST_GO.major && Number(minor) >= LEAST_GO.minor)
  return isNew ? { version } : { missing: `Go ${version} is older than ${needed}` }
}

/**
 * Builds the server with Go into `.chimera/bin`, where it stays: three minutes on two idle cores.
 * A second process that asks for it waits for the first.
 *
 * @param options.isAside - one compiler at a time, at the lowest priority: other work is going on
 * @throws RetryableError `UNAVAILABLE` that says why there is no server
 * @throws CancelledError when the signal says so; what was compiled is kept by Go
 */
export async function buildWeaviate(options: {
  env: Environment
  log: StackLog
  isAside?: boolean
  signal?: AbortSignal
}): Promise<string> {
  const folder = weaviateFolder()
  const file = path.join(folder, WEAVIATE_PROGRAM)
  const go = await findGo(options.env)
  if ('missing' in go) {
    throw new RetryableError('UNAVAILABLE', `${WEAVIATE_PROGRAM} cannot be built: ${go.missing}.`)
  }
  await mkdir(folder, { recursive: true })
  using turn = new DisposableStack()
  turn.use(await takeTurn(path.join(folder, 'build.lock'), options.signal))
  if (await isThere(file)) return file
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED)) await rm(path.join(folder, name), { recursive: true })
  }
  const unfinished = path.join(folder, `${UNFINISHED}${process.pid}`)
  options.log(`building ${WEAVIATE_PROGRAM} with Go ${go.version} (once, some minutes) ...`)
  try {
    await install(unfinished, options)
    // Whole or not at all: a stack may be looking for it at this moment.
    await rename(path.join(unfinished, WEAVIATE_PROGRAM), file)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  options.log(`built ${file}`)
  return file
}

async function install(
  folder: string,
  of: { env: Environment; log: StackLog; isAside?: boolean; signal?: AbortSignal },
): Promise<void> {
  const started = Date.now()
  const flags = `${of.env['GOFLAGS'] ?? ''} -p=1`.trim()
  const aside = of.isAside === true ? { GOFLAGS: flags, GOMAXPROCS: '1' } : {}
  const child = spawn('go', ['install', '-v', WEAVIATE_MODULE], {
    env: { ...of.env, GOBIN: folder, ...aside },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: the compilers that it starts have to end with it.
    detached: true,
  })
  const ended = new Promise<number | undefined>((resolve) => {
    child.once('error', () => resolve(undefined))
    child.once('exit', (code) => resolve(code ?? undefined))
  })
  if (of.isAside === true && child.pid !== undefined) {
    setPriority(child.pid, machine.priority.PRIORITY_LOW)
  }
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // It has ended by itself.
    }
  }
  if (of.signal?.aborted === true) stop()
  of.signal?.addEventListener('abort', stop, { once: true })
  const said: string[] = []
  let lines = 0
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines += 1
    said.push(line)
    if (said.length > LAST_LINES) said.shift()
  })
  const tell = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000)
    of.log(`building ${WEAVIATE_PROGRAM}: ${lines} packages compiled, ${seconds} s`)
  }, TELL_EVERY_MS)
  try {
    const code = await ended
    if (of.signal?.aborted === true)
      throw new CancelledError('CANCELLED', 'The build was called off.')
    if (code === 0) return
    throw new RetryableError(
      'UNAVAILABLE',
      `${WEAVIATE_PROGRAM} could not be built: ${said.join(' ').slice(-600)}`,
    )
  } finally {
    clearInterval(tell)
    of.signal?.removeEventListener('abort', stop)
  }
}

async function takeTurn(lockFile: string, signal: AbortSignal | undefined): Promise<Disposable> {
  for (;;) {
    const lock = tryLock(lockFile)
    if (lock !== undefined) return lock
    if (signal?.aborted === true) throw new CancelledError('CANCELLED', 'The build was called off.')
    await sleep(LOOK_EVERY_MS)
  }
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )
