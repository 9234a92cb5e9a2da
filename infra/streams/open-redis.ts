import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { backoffMs } from '@chimera/runtime/backoff'
import type { Logger } from '@chimera/runtime/log'
import { Redis } from 'ioredis'

/** A connection for commands that answer at once. A blocking read needs one of its own. */
export type RedisConnection = AsyncDisposable &
  Readonly<{
    client: Redis
    /** Throws UNAVAILABLE while not connected. Costs no round trip: for health checks. */
    check: () => void
  }>

/** `redis://`, `rediss://`, or the absolute path of a Unix socket. */
type RedisTarget = Readonly<{ url: string; name: string; log: Logger }>

/** A caller waits this long for one answer, through short restarts of the server. */
const COMMAND_TIMEOUT_MS = 3_000
/**
 * About as long as the command timeout; then the queue of what waits for a connection is emptied.
 */
const MAX_RECONNECTS_PER_COMMAND = 8
/** A server that is being started beside us needs a second or two. */
const CONNECT_WITHIN_MS = 10_000
/** Streams tell their lag, and XAUTOCLAIM the ids that are gone, since 7.0. */
const MIN_MAJOR_VERSION = 7

/**
 * Connects, for good: a lost connection is sought again for ever. Commands fail with
 * `RetryableError('UNAVAILABLE')` (see `unavailable`) when the server has been away for about 3 s.
 * Throws UNAVAILABLE when no server answers within 10 s, CONFIG_INVALID when it is older than 7.0.
 */
export async function openRedis(target: RedisTarget): Promise<RedisConnection> {
  const client = connect(target, {
    maxRetriesPerRequest: MAX_RECONNECTS_PER_COMMAND,
    commandTimeout: COMMAND_TIMEOUT_MS,
  })
  try {
    await firstAnswer(client)
    await checkVersion(client)
  } catch (error) {
    client.disconnect()
    throw error
  }
  return {
    client,
    check: () => checkConnected(client),
    [Symbol.asyncDispose]: () => disconnect(client),
  }
}

/**
 * A connection for one blocking reader. A command fails as soon as the connection is lost, so that
 * the reader learns of it: what was delivered and lost on the way has to be looked for.
 */
export function openBlocking(target: RedisTarget): Redis {
  return connect(target, { maxRetriesPerRequest: 0 })
}

/** Closes without waiting for commands that hang. */
export async function disconnect(client: Redis): Promise<void> {
  if (client.status === 'end') return
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  client.once('end', end)
  if (client.status === 'reconnecting') {
    // Now it would only stop the timer, and what waits in the queue would be answered by nobody.
    // One attempt more, which is at most 2 s away, either ends in "end" or connects.
    client.options.retryStrategy = null
    const { promise: ready, resolve } = Promise.withResolvers<void>()
    client.once('ready', resolve)
    await Promise.race([ended, ready])
  }
  client.disconnect()
  await ended
}

export function checkConnected(client: Redis): void {
  if (client.status !== 'ready') {
    throw new RetryableError('UNAVAILABLE', `Redis is not connected (${client.status}).`)
  }
}

/**
 * Every failure of Redis may pass: it is away, loading, full, or of another type after a mistake.
 */
export function unavailable(cause: unknown): RetryableError {
  if (cause instanceof RetryableError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new RetryableError('UNAVAILABLE', `Redis did not do what was asked: ${reason}`, { cause })
}

function connect(
  { url, name, log }: RedisTarget,
  limits: { maxRetriesPerRequest: number; commandTimeout?: number },
): Redis {
  const options = {
    ...limits,
    connectionName: `chimera-${name}`,
    // CLIENT SETINFO exists since 7.2 only, and two commands more per connection help nobody.
    disableClientInfo: true,
    // One command per tick is slower with it than without (measured: -33 %).
    enableAutoPipelining: false,
    retryStrategy: (times: number) => 50 + backoffMs('reconnect', times, Math.random),
  }
  const client = url.startsWith('/')
    ? new Redis({ ...options, path: url })
    : new Redis(url, options)
  let isAway = false
  client.on('error', (err: Error) => {
    if (isAway) return
    isAway = true
    log.warn({ err, connection: name }, 'Redis is away; trying again until it is back')
  })
  client.on('ready', () => {
    if (isAway) log.info({ connection: name }, 'Redis is back')
    isAway = false
  })
  return client
}

async function firstAnswer(client: Redis): Promise<void> {
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const late = new RetryableError(
    'UNAVAILABLE',
    `No Redis answered within ${CONNECT_WITHIN_MS} ms; look at REDIS_URL and at the server.`,
  )
  const timer = setTimeout(() => reject(late), CONNECT_WITHIN_MS)
  client.once('ready', resolve)
  try {
    await ready
  } finally {
    clearTimeout(timer)
    client.off('ready', resolve)
  }
}

async function checkVersion(client: Redis): Promise<void> {
  const facts = await client.info('server').catch((cause: unknown) => {
    throw unavailable(cause)
  })
  const version = /^redis_version:(\d+)\.\S*/m.exec(facts)
  if (Number(version?.[1] ?? 0) >= MIN_MAJOR_VERSION) return
  const found = version?.[0].trim() ?? 'a server of unknown version'
  throw new TerminalError(
    'CONFIG_INVALID',
    `Redis ${MIN_MAJOR_VERSION}.0 or Valkey 7.2 is needed, at least; REDIS_URL leads to ${found}.`,
  )
}
