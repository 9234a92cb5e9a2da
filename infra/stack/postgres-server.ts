import { randomBytes } from 'node:crypto'
import path from 'node:path'

import { keepSecret } from './keys/secret-file.ts'
import { prepareCluster, type Cluster } from './postgres/postgres-cluster.ts'
import { clearDeadPostmaster } from './postgres/postgres-leftovers.ts'
import { tryLock } from './processes/file-lock.ts'
import { findFreePort } from './processes/free-port.ts'
import { onLifeline } from './processes/lifeline.ts'
import { startFailure } from './processes/start-failure.ts'
import {
  openSupervisedProcess,
  type ProcessSpec,
  type SupervisedProcess,
} from './processes/supervised-process.ts'
import type { StackLog } from './stack-log.ts'
import { readStackRecord, rememberPort } from './stack-record.ts'
import { prepareStateDir } from './state-dir.ts'

/** A private PostgreSQL 18 on loopback. */
export type PostgresServer = AsyncDisposable &
  Readonly<{
    /** With the superuser's password: as secret as the password itself. */
    url: string
    /** The port on 127.0.0.1. */
    port: number
    supervised: SupervisedProcess
    /** Of the shell that holds the lifeline; the server is its child. */
    pid: () => number | undefined
    close: (killAfterMs?: number) => Promise<void>
  }>

const DATABASE = 'chimera'
const READY_WITHIN_MS = 30_000
/** A checkpoint of a small database takes well under a second. */
const KILL_AFTER_MS = 5000
/**
 * After the death of one of its processes PostgreSQL starts them all anew, in well under a second;
 * where the log is long it says how far it is every 10 s.
 */
const RECOVERY_PATIENCE_MS = 30_000

/**
 * Small on purpose: ten processes with a handful of connections each, on a machine that does other
 * things too. Logical replication and parallel queries are of no use here.
 */
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'shared_buffers=128MB',
  'max_connections=100',
  'wal_level=replica',
  'max_wal_senders=0',
  // The writer of dirty pages wakes once a second, not five times, for as many pages a second.
  'bgwriter_delay=1s',
  'bgwriter_lru_maxpages=500',
  'password_encryption=scram-sha-256',
  'log_line_prefix=%m [%p] %d ',
  'log_checkpoints=off',
  'timezone=UTC',
]
const durableSettings = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on']
/** Tests run several stacks on one server. */
const testSettings = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'max_connections=400',
  // Their databases live for seconds, and statements are counted in them.
  'autovacuum=off',
]

/**
 * Starts PostgreSQL with its data in the state directory, under root as nobody. It is started again
 * when it dies, keeps its port and its data from one start to the next, and dies with this process.
 *
 * @param options.durable - off only in tests, where a crash of the machine loses nothing of value
 * @param options.recoveryPatienceMs - shorter only in tests: how long a recovery may say nothing
 * @throws RetryableError `UNAVAILABLE` when it does not come up, with its last lines
 */
export async function openPostgres(options: {
  stateDir: string
  log: StackLog
  port?: number | undefined
  durable?: boolean | undefined
  recoveryPatienceMs?: number | undefined
}): Promise<PostgresServer> {
  const paths = await prepareStateDir(options.stateDir)
  const password = await keepSecret(paths.keyFiles.postgresPassword, () =>
    randomBytes(24).toString('base64url'),
  )
  const lock = tryLock(path.join(paths.postgres, 'server.lock'))
  if (lock === undefined)
    throw startFailure({
      name: 'postgres',
      what: `is in use by another process that runs on ${paths.root}`,
      lastLines: [],
    })
  try {
    const cluster = await prepareCluster({ paths, password, log: options.log })
    const known = readStackRecord(paths.root).ports['postgres']
    // Its own port may still look taken by a dying predecessor; that one is waited for.
    await clearDeadPostmaster(cluster.data)
    const port = options.port ?? (await findFreePort([known]))
    rememberPort(paths.root, 'postgres', port)
    const supervised = openSupervisedProcess({
      spec: specOf(cluster, { ...options, port }),
      logFile: path.join(paths.logs, 'postgres.log'),
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
      url: `postgres://postgres:${password}@127.0.0.1:${port}/${DATABASE}`,
      port,
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

function specOf(
  cluster: Cluster,
  of: { port: number; durable?: boolean | undefined; recoveryPatienceMs?: number | undefined },
): ProcessSpec {
  const chosen = of.durable === false ? testSettings : durableSettings
  const flags = [...settings, ...chosen].flatMap((setting) => ['-c', setting])
  const command = path.join(cluster.binaries, 'bin', 'postgres')
  return {
    name: 'postgres',
    ...onLifeline('INT', command, ['-D', cluster.data, '-p', String(of.port), ...flags]),
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    cwd: cluster.base,
    identity: cluster.identity,
    readiness: {
      kind: 'log',
      words: 'ready to accept connections',
      recovery: {
        begins: 'terminating any other active server processes',
        goesOn: ', elapsed time: ',
        patienceMs: of.recoveryPatienceMs ?? RECOVERY_PATIENCE_MS,
      },
    },
    beforeStart: () => clearDeadPostmaster(cluster.data),
  }
}
