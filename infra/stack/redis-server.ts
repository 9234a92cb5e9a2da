import path from 'node:path'

import { tryLock } from './processes/file-lock.ts'
import { onLifeline } from './processes/lifeline.ts'
import { outliveOrphan } from './processes/orphan.ts'
import { findSocketPath } from './processes/socket-path.ts'
import { startFailure } from './processes/start-failure.ts'
import { openSupervisedProcess, type SupervisedProcess } from './processes/supervised-process.ts'
import { findRedisBinary } from './redis/redis-binary.ts'
import type { StackLog } from './stack-log.ts'
import { readStackRecord, updateStackRecord } from './stack-record.ts'
import { prepareStateDir } from './state-dir.ts'

/** A private Redis or Valkey on a Unix socket that only this user can open. */
export type RedisServer = AsyncDisposable &
  Readonly<{
    /** The absolute path of the socket, for `redis-cli -s` and for clients alike. */
    url: string
    supervised: SupervisedProcess
    /** Of the shell that holds the lifeline; the server is its child. */
    pid: () => number | undefined
    close: (killAfterMs?: number) => Promise<void>
  }>

const READY_WITHIN_MS = 30_000
const KILL_AFTER_MS = 3000

/**
 * Starts a server with an append-only file in the state directory. It listens on no port: who may
 * enter the folder (0700) may post goals, so the folder is the door.
 *
 * @param options.searchPath - the PATH of the caller; the usual folders are looked at in any case
 * @param options.install - whether a package manager may be asked when no server is found
 * @throws RetryableError `UNAVAILABLE` that says what to type when there is none
 */
export async function openRedis(options: {
  stateDir: string
  log: StackLog
  install: boolean
  searchPath?: string | undefined
}): Promise<RedisServer> {
  const paths = await prepareStateDir(options.stateDir)
  const lock = tryLock(path.join(paths.redis, 'server.lock'))
  if (lock === undefined)
    throw startFailure({
      name: 'redis',
      what: `is in use by another process that runs on ${paths.root}`,
      lastLines: [],
    })
  try {
    const binary = await findRedisBinary({
      searchPath: options.searchPath ?? '',
      linkFolder: paths.redis,
      install: options.install,
      log: options.log,
    })
    const wanted = path.join(paths.redis, 'redis.sock')
    const socket = await findSocketPath(wanted, readStackRecord(paths.root).redis_socket)
    if (socket !== wanted)
      updateStackRecord(paths.root, (record) => ({ ...record, redis_socket: socket }))
    const pidFile = path.join(paths.redis, 'redis.pid')
    const supervised = openSupervisedProcess({
      spec: {
        name: 'redis',
        ...onLifeline('TERM', binary.file, redisFlags({ folder: paths.redis, socket, pidFile })),
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        cwd: paths.redis,
        readiness: { kind: 'log', words: 'eady to accept connections' },
        beforeStart: () =>
          outliveOrphan({ pidFile, folder: paths.redis, program: /(redis|valkey)-server/ }),
      },
      logFile: path.join(paths.logs, 'redis.log'),
    })
    const close = async (killAfterMs = KILL_AFTER_MS): Promise<void> => {
      await supervised.stop(killAfterMs)
      lock[Symbol.dispose]()
    }
    try {
      await supervised.ready(READY_WITHIN_MS)
    } catch (error) {
      await close()
      throw error
    }
    return {
      url: socket,
      supervised,
      pid: supervised.pid,
      close,
      [Symbol.asyncDispose]: () => close(),
    }
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
}

/** Snapshots are off: the append-only file is the one copy, and Redis is disposable anyway. */
function redisFlags(options: { folder: string; socket: string; pidFile: string }): string[] {
  return [
    ['--port', '0'],
    ['--unixsocket', options.socket],
    ['--unixsocketperm', '700'],
    ['--dir', options.folder],
    ['--pidfile', options.pidFile],
    ['--appendonly', 'yes'],
    ['--appendfsync', 'everysec'],
    ['--aof-load-truncated', 'yes'],
    ['--save', ''],
    ['--daemonize', 'no'],
    ['--loglevel', 'notice'],
    // Ten times a second would be most of what an idle machine does.
    ['--hz', '5'],
    // Work that is accepted is in Postgres; nothing may be evicted behind a consumer's back.
    ['--maxmemory-policy', 'noeviction'],
  ].flat()
}
