import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'

import { keepSecret } from './keys/secret-file.ts'
import { portKeeper } from './plans/process-plan.ts'
import { tryLock } from './processes/file-lock.ts'
import { onLifeline } from './processes/lifeline.ts'
import { outliveOrphan } from './processes/orphan.ts'
import { startFailure } from './processes/start-failure.ts'
import {
  openSupervisedProcess,
  type ProcessSpec,
  type SupervisedProcess,
} from './processes/supervised-process.ts'
import { prepareStateDir, type StateDirPaths } from './state-dir.ts'
import { WEAVIATE_PROGRAM } from './weaviate/weaviate-binary.ts'

/** A private Weaviate that answers nobody without its key. */
export type WeaviateServer = AsyncDisposable &
  Readonly<{
    url: string
    grpcUrl: string
    apiKey: string
    supervised: SupervisedProcess
    /** Resolves when it answers; rejects when it does not in time. It goes on trying then. */
    ready: () => Promise<void>
    close: (killAfterMs?: number) => Promise<void>
  }>

/** Three seconds on an idle machine: it elects itself first. */
const READY_WITHIN_MS = 60_000
const KILL_AFTER_MS = 5000
/**
 * 50,000 memories of 384 places take half of it. Beyond it Go collects all the time and the server
 * refuses what is to be kept, rather than taking the machine's memory from the other processes.
 */
const MEMORY_LIMIT = '1GiB'
/**
 * Of the disk, in percent. From 90 on it would take nothing more: on many a machine always, however
 * much is left. It takes memories again by itself when there is room.
 */
const DISK_FULL = { warned: '96', refused: '98' } as const
/** What has expired is cleared away that often; without a schedule it is kept. */
const CLEAR_SCHEDULE = '@every 1h'

/**
 * Starts the program with its data in the state directory, and returns before it is ready: nobody
 * waits for a memory. Its six ports stay the same from one start to the next; HTTP, gossip and Raft
 * listen on loopback, gRPC and the data port of the cluster on all addresses, which cannot be
 * changed there: both ask for a secret of 0600.
 *
 * @throws RetryableError `UNAVAILABLE` when another process uses the folder
 */
export async function openWeaviate(options: {
  stateDir: string
  binary: string
}): Promise<WeaviateServer> {
  const paths = await prepareStateDir(options.stateDir)
  await mkdir(paths.weaviate, { recursive: true })
  await chmod(paths.weaviate, 0o700)
  await using opening = new AsyncDisposableStack()
  const lock = tryLock(path.join(paths.weaviate, 'server.lock'))
  if (lock === undefined)
    throw startFailure({
      name: 'weaviate',
      what: `is in use by another process that runs on ${paths.root}`,
      lastLines: [],
    })
  opening.use(lock)
  const apiKey = await keepSecret(paths.keyFiles.weaviateKey, () =>
    randomBytes(32).toString('base64url'),
  )
  const pidFile = path.join(paths.weaviate, 'weaviate.pid')
  const program = new RegExp(WEAVIATE_PROGRAM)
  const orphan = { pidFile, folder: paths.weaviate, program }
  // Its ports are asked for again, and may still look taken by it.
  await outliveOrphan(orphan)
  const ports = await claimPorts(paths, opening)
  const supervised = openSupervisedProcess({
    spec: {
      ...specOf({ ...options, paths, pidFile, apiKey, ports }),
      beforeStart: () => outliveOrphan(orphan),
    },
    logFile: path.join(paths.logs, 'weaviate.log'),
  })
  const open = opening.move()
  const close = async (killAfterMs = KILL_AFTER_MS): Promise<void> => {
    await supervised.stop(killAfterMs)
    await open.disposeAsync()
  }
  return {
    url: `http://127.0.0.1:${ports.http}`,
    grpcUrl: `http://127.0.0.1:${ports.grpc}`,
    apiKey,
    supervised,
    ready: () => supervised.ready(READY_WITHIN_MS),
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

const PORTS = ['http', 'grpc', 'gossip', 'data', 'raft', 'rpc'] as const
type Ports = Readonly<Record<(typeof PORTS)[number], number>>

/** One after another: two that ask for a port at once could be given the same. */
async function claimPorts(paths: StateDirPaths, opening: AsyncDisposableStack): Promise<Ports> {
  const keepPort = portKeeper(paths.root, opening.use(new DisposableStack()))
  const ports = { http: 0, grpc: 0, gossip: 0, data: 0, raft: 0, rpc: 0 }
  for (const name of PORTS) ports[name] = await keepPort(`weaviate.${name}`)
  return ports
}

function specOf(of: {
  binary: string
  paths: StateDirPaths
  pidFile: string
  apiKey: string
  ports: Ports
}): ProcessSpec {
  const { paths, ports, apiKey } = of
  const listen = ['--scheme', 'http', '--host', '127.0.0.1', '--port', String(ports.http)]
  // The pid of the shell is the server's own after exec: Weaviate writes none.
  const named = ['-c', 'echo $$ >"$1"; shift; exec "$@"', 'chimera-weaviate', of.pidFile]
  return {
    name: 'weaviate',
    ...onLifeline('TERM', '/bin/sh', [...named, of.binary, ...listen]),
    cwd: paths.weaviate,
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C',
      TZ: 'UTC',
      PERSISTENCE_DATA_PATH: path.join(paths.weaviate, 'data'),
      DEFAULT_VECTORIZER_MODULE: 'none',
      OBJECTS_TTL_DELETE_SCHEDULE: CLEAR_SCHEDULE,
      GOMEMLIMIT: MEMORY_LIMIT,
      DISK_USE_WARNING_PERCENTAGE: DISK_FULL.warned,
      DISK_USE_READONLY_PERCENTAGE: DISK_FULL.refused,
      LOG_LEVEL: 'warning',
      DISABLE_TELEMETRY: 'true',
      GO_PROFILING_DISABLE: 'true',
      AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED: 'false',
      AUTHENTICATION_APIKEY_ENABLED: 'true',
      AUTHENTICATION_APIKEY_ALLOWED_KEYS: apiKey,
      AUTHENTICATION_APIKEY_USERS: 'chimera',
      AUTHORIZATION_ADMINLIST_ENABLED: 'true',
      AUTHORIZATION_ADMINLIST_USERS: 'chimera',
      GRPC_PORT: String(ports.grpc),
      // A cluster of one, which still talks to itself.
      CLUSTER_HOSTNAME: 'node1',
      CLUSTER_BIND_ADDR: '127.0.0.1',
      CLUSTER_ADVERTISE_ADDR: '127.0.0.1',
      CLUSTER_GOSSIP_BIND_PORT: String(ports.gossip),
      CLUSTER_DATA_BIND_PORT: String(ports.data),
      CLUSTER_BASIC_AUTH_USERNAME: 'chimera',
      CLUSTER_BASIC_AUTH_PASSWORD: apiKey,
      RAFT_PORT: String(ports.raft),
      RAFT_INTERNAL_RPC_PORT: String(ports.rpc),
      RAFT_BOOTSTRAP_EXPECT: '1',
      // Others may be far away; it is its own only voter, and need not wait for anybody.
      RAFT_TIMEOUTS_MULTIPLIER: '1',
    },
    readiness: { kind: 'http', url: `http://127.0.0.1:${ports.http}/v1/.well-known/ready` },
  }
}
