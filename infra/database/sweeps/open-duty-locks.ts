import { backoffMs } from '@chimera/runtime/backoff'
import type { Logger } from '@chimera/runtime/log'
import pg from 'pg'

import { stepDown } from '../logins/step-down.ts'

/** Which duties this process leads. */
export type DutyLocks = AsyncDisposable & {
  /**
   * Whether the duty is led here, as far as is known: a lost connection is noticed when it breaks.
   */
  holds(duty: string): boolean
  /** Gives a duty up for a while, so that another process may lead it. */
  giveUp(duty: string): Promise<void>
}

/**
 * The first half of the advisory locks' keys: the letters "keep". The second is the duty's hash.
 */
const LOCK_CLASS = 0x6b656570
/** How soon a process that stands by takes over. */
const TRY_EVERY_MS = 1_000
/** A leader shows that it lives ... */
const BEAT_EVERY_MS = 5_000
/** ... or its locks are taken away: a stopped process (SIGSTOP) must not lead for ever. */
const SILENT_FOR_MS = 15_000
/** A duty that was given up is not asked for before this. */
const REST_MS = 5_000

type State = {
  client: pg.Client | undefined
  held: Set<string>
  /** Duty -> when it may be asked for again. */
  resting: Map<string, number>
  /** Of the last statement on the connection. */
  beatAt: number
  /** Ends the pause between two rounds of asking. */
  wake: () => void
}

/**
 * Opens a connection of its own that holds one advisory lock per duty led here and asks for the
 * others every second; one that leads all of them only beats. Locks are the session's: they end
 * with the connection, whatever happens to the process. Two leaders for a moment (a connection cut
 * without notice) are harmless: duties compare and set.
 */
export function openDutyLocks(of: {
  url: string
  duties: readonly string[]
  log: Logger
}): DutyLocks {
  const state: State = {
    client: undefined,
    held: new Set(),
    resting: new Map(),
    beatAt: 0,
    wake: () => undefined,
  }
  const closing = new AbortController()
  const working = keepAsking({ ...of, state, signal: closing.signal })
  return {
    holds: (duty) => state.held.has(duty),
    async giveUp(duty) {
      if (!state.held.delete(duty)) return
      state.resting.set(duty, Date.now() + REST_MS)
      state.wake()
      await state.client
        ?.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_CLASS, duty])
        .catch((err: unknown) => of.log.debug({ err }, 'the lock ends with its connection'))
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await working
      await drop(state)
    },
  }
}

type Asking = {
  url: string
  duties: readonly string[]
  log: Logger
  state: State
  signal: AbortSignal
}

async function keepAsking(of: Asking): Promise<void> {
  let failures = 0
  while (!of.signal.aborted) {
    let waitMs = TRY_EVERY_MS
    try {
      await ask(of)
      failures = 0
      if (of.state.held.size === of.duties.length) waitMs = BEAT_EVERY_MS
    } catch (err) {
      failures += 1
      if (failures === 1) of.log.warn({ err }, 'the locks of the duties are lost; asking again')
      await drop(of.state)
      waitMs = 100 + backoffMs('reconnect', failures, Math.random)
    }
    await pause(waitMs, of)
  }
}

async function ask({ url, duties, log, state }: Asking): Promise<void> {
  state.client ??= await connect(url, state)
  const now = Date.now()
  const wanted = duties.filter(
    (duty) => !state.held.has(duty) && (state.resting.get(duty) ?? 0) <= now,
  )
  if (wanted.length === 0) {
    // Timers of Node may be a millisecond early.
    if (now - state.beatAt < BEAT_EVERY_MS - TRY_EVERY_MS / 2) return
    await state.client.query('SELECT 1')
    state.beatAt = now
    return
  }
  const { rows } = await state.client.query<{ duty: string; got: boolean }>({
    name: 'try-duties',
    text: `SELECT duty, pg_try_advisory_lock($1, hashtext(duty)) AS got
      FROM unnest($2::text[]) AS duty`,
    values: [LOCK_CLASS, wanted],
  })
  state.beatAt = now
  const got = rows.filter((row) => row.got).map((row) => row.duty)
  for (const duty of got) state.held.add(duty)
  if (got.length > 0) log.info({ duties: got }, 'leading')
}

async function connect(url: string, state: State): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'chimera-keeper-locks',
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
  })
  const lose = (): void => {
    if (state.client === client) state.client = undefined
    state.held.clear()
    state.wake()
  }
  client.on('error', lose)
  client.on('end', lose)
  try {
    await client.connect()
    // It asks for no table, and so has no business with any.
    await stepDown(client, 'chimera_swarm')
    await client.query(`SET idle_session_timeout = ${SILENT_FOR_MS}`)
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

async function drop(state: State): Promise<void> {
  const { client } = state
  state.client = undefined
  state.held.clear()
  await client?.end().catch(() => undefined)
}

async function pause(ms: number, { state, signal }: Asking): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  state.wake = () => resolve()
  signal.addEventListener('abort', state.wake, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', state.wake)
}
