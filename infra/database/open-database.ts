import { ChimeraError, InvariantError, RetryableError } from '@chimera/contracts/errors'
import type { Logger } from '@chimera/runtime/log'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

import { arrayText } from './array-text.ts'
import { stepDownTo } from './logins/step-down.ts'
import { beginOf, type RowScope } from './row-scope.ts'
import type { Tables } from './tables.ts'

/** Runs statements: on the pool (each its own transaction) or inside one transaction. */
export type Sql = {
  /**
   * Runs one statement. A `name` makes it a prepared statement of the connection: give one to what
   * runs often, and one text to each name. numeric, bigint and date come back as text, timestamptz
   * as Date, jsonb parsed. Throws RetryableError(UNAVAILABLE) when the server cannot be reached, is
   * shutting down, or gave the statement up (time-out, deadlock); pg's own DatabaseError for
   * everything that the statement did wrong.
   */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>
  /**
   * Inside a transaction: sends a statement whose answer nobody reads, and waits for nothing. What
   * goes wrong with it is thrown when the transaction ends, or by what follows it.
   */
  readonly send?: (statement: Statement) => void
}

/** Writes what nothing in the transaction depends on; waits where there is nothing to wait with. */
export async function write(sql: Sql, statement: Statement): Promise<void> {
  if (sql.send === undefined) await sql.query(statement)
  else sql.send(statement)
}

export type Statement = {
  readonly name?: string
  readonly text: string
  readonly values?: unknown[]
}

/** The record. */
export type Database = AsyncDisposable & {
  /** As `Sql` has it; with a scope the statement is a transaction of its own that sees no more. */
  query<Row extends pg.QueryResultRow>(statement: Statement, scope?: RowScope): Promise<Row[]>
  /** For what is not on a hot path. */
  readonly kysely: Kysely<Tables>
  /**
   * Runs `work` in one READ COMMITTED transaction: all of it or nothing. When the connection
   * breaks during the commit nobody knows which (RetryableError): whoever tries again has to
   * compare and set.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>, scope?: RowScope): Promise<T>
}

/**
 * A role of PostgreSQL that owns nothing and bypasses nothing (migrations 0013 and 0014), for which
 * the user of the URL has to be a login of the role's own (`logins/`). Without one the connection
 * works as the user of its URL: who migrates and backs up.
 */
export type DatabaseRole = 'chimera_gateway' | 'chimera_swarm'

/** How long one statement may take before the server gives it up. */
const STATEMENT_TIMEOUT_MS = 30_000
/**
 * Longer than the server's: only a server that does not even answer that is given up by the client.
 */
const ANSWER_TIMEOUT_MS = 35_000
/** A process that is stopped inside a transaction holds its row locks no longer than this. */
const IDLE_IN_TRANSACTION_MS = 10_000
const CONNECT_TIMEOUT_MS = 5_000

/** As pg reads them, but a date without a time zone must not become a Date in the local one. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    const parser: unknown = pg.types.getTypeParser(oid, format)
    return oid === pg.types.builtins.DATE ? String : parser
  },
}

/** Opens a pool; connections are made when they are needed. */
export function openDatabase(of: {
  url: string
  /** Shown in pg_stat_activity. */
  name: string
  log: Logger
  /** Most connections at once. */
  max?: number
  /**
   * What every connection takes on before anybody has it. A login that could step back up from it
   * is refused (DATABASE_LOGIN_REFUSED).
   */
  role?: DatabaseRole
}): Database {
  const { role } = of
  const pool = new pg.Pool({
    connectionString: of.url,
    application_name: `chimera-${of.name}`,
    max: of.max ?? 4,
    types,
    // A statement goes out before the one before it is answered: BEGIN with the first, for one.
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: false,
    // A connection that cannot step down, or could step up again, is never handed out.
    ...(role === undefined ? {} : { verify: stepDownTo(role) }),
  })
  // An idle connection that breaks is replaced at the next use; without a listener it ends the
  // process.
  pool.on('error', (error) => of.log.warn({ err: error }, 'an idle database connection broke'))
  // The pool listens while a connection is idle, and a transaction while it has one. A server that
  // stops can speak in between: its last words may share a packet with the answer before them. The
  // next statement on that connection fails, which is all that has to come of it.
  pool.on('connect', (client) => void client.on('error', () => undefined))
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const told = alarmOfFullDisk(of.log)
  let ended: Promise<void> | undefined

  return {
    kysely,
    query: <Row extends pg.QueryResultRow>(statement: Statement, scope?: RowScope) =>
      (scope === undefined ? run<Row>(pool, statement) : alone<Row>(pool, statement, scope)).catch(
        told,
      ),
    transaction: (work, scope) => inTransaction(pool, work, scope).catch(told),
    [Symbol.asyncDispose]: () => (ended ??= pool.end()),
  }
}

/** One statement as a transaction, in one packet: a round trip to the server instead of three. */
async function alone<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  statement: Statement,
  scope: RowScope,
): Promise<Row[]> {
  const begin = beginOf(scope)
  await using held = await hold(pool)
  gather(held.client)
  const begun = sent(held.client, begin)
  const answer = run<Row>(held.client, statement)
  answer.catch(() => undefined)
  // After a statement that failed it is a rollback.
  const ended = sent(held.client, 'COMMIT')
  try {
    await begun
    const rows = await answer
    hasCommitted(await ended)
    return rows
  } catch (error) {
    await ended.catch(held.breaks)
    throw error
  }
}

async function inTransaction<T>(
  pool: pg.Pool,
  work: (tx: Sql) => Promise<T>,
  scope: RowScope | undefined,
): Promise<T> {
  const begin = beginOf(scope)
  await using held = await hold(pool)
  const { client } = held
  gather(client)
  /** What nobody has waited for yet, in its order. */
  const unread: Promise<unknown>[] = [sent(client, begin)]
  const tx: Sql = {
    query: (statement) => run(client, statement),
    send: (statement) => {
      gather(client)
      const answer = run(client, statement)
      answer.catch(() => undefined)
      unread.push(answer)
    },
  }
  try {
    const value = await work(tx)
    const ended = sent(client, 'COMMIT')
    await Promise.all(unread)
    hasCommitted(await ended)
    return value
  } catch (error) {
    // A connection that cannot even roll back is thrown away; the server rolls back by itself.
    await sent(client, 'ROLLBACK').catch(held.breaks)
    // What failed first is why all after it did.
    const first = (await Promise.allSettled(unread)).find(({ status }) => status === 'rejected')
    throw first?.status === 'rejected' ? first.reason : error
  }
}

type Held = AsyncDisposable & {
  readonly client: pg.PoolClient
  /** It is of no use to anybody else. */
  readonly breaks: (reason: unknown) => void
}

/** A connection of the pool's, until it is disposed of. */
async function hold(pool: pg.Pool): Promise<Held> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translated(error)
  })
  let broken: Error | undefined
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  return {
    client,
    breaks: (reason) => {
      broken = reason instanceof Error ? reason : new Error('rollback failed')
    },
    [Symbol.asyncDispose]: async () => {
      client.off('error', onError)
      client.release(broken)
    },
  }
}

/** What is sent until the loop comes round again goes out as one packet. */
function gather({ connection: { stream } }: pg.PoolClient): void {
  stream.cork()
  setImmediate(() => stream.uncork())
}

/** Sends a plain statement. Whoever does not wait for its answer need not listen for its fault. */
function sent(client: pg.PoolClient, text: string): Promise<pg.QueryResult> {
  const answer = client.query(text).catch((error: unknown) => {
    throw translated(error)
  })
  answer.catch(() => undefined)
  return answer
}

/** A statement failed, and the work went on as if nothing had happened: that is a rollback. */
function hasCommitted({ command }: pg.QueryResult): void {
  if (command !== 'COMMIT') throw new InvariantError('A failed transaction was to be committed.')
}

async function run<Row extends pg.QueryResultRow>(
  on: pg.Pool | pg.PoolClient,
  statement: Statement,
): Promise<Row[]> {
  try {
    const result = await on.query<Row>({
      ...(statement.name === undefined ? {} : { name: statement.name }),
      text: statement.text,
      values: statement.values?.map(arrayText) ?? [],
    })
    return result.rows
  } catch (error) {
    throw translated(error)
  }
}

/**
 * Classes 08 (connection), 53 (resources), 57P (shutdown, restart) and 25P03 (idle in a
 * transaction) end a connection; 57014, 55P03, 40001 and 40P01 are time-outs, deadlocks and lost
 * races.
 */
const AWAY = /^(08|53|57P|25P03)/
const GIVEN_UP = /^(57014|55P03|40001|40P01)$/

/** Class 28: the password is another one, or the login is gone. */
const NOT_LET_IN = /^28/
const RENEWED = 'A start of the stack renews its logins: chimera database login ls'

/** disk_full: reading goes on, nothing is committed until there is room. */
const DISK_FULL = '53100'
/** Every statement fails meanwhile; one line in so long is enough. */
const ALARM_EVERY_MS = 10_000

/** Says once in a while that it is the disk: what fails of it looks like any other outage. */
function alarmOfFullDisk(log: Logger): (error: unknown) => never {
  let toldAt = -Infinity
  return (error) => {
    const cause = error instanceof Error ? error.cause : undefined
    const isFull = cause instanceof pg.DatabaseError && cause.code === DISK_FULL
    if (isFull && performance.now() - toldAt > ALARM_EVERY_MS) {
      toldAt = performance.now()
      log.error({ err: cause, alarm: true }, 'the disk of PostgreSQL is full')
    }
    throw error
  }
}

function translated(error: unknown): unknown {
  if (error instanceof ChimeraError) return error
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? ''
    if (code === DISK_FULL) return unavailable('The disk of PostgreSQL is full.', error)
    if (AWAY.test(code)) return unavailable('PostgreSQL cannot be reached; is it running?', error)
    if (NOT_LET_IN.test(code)) return unavailable(`${error.message}. ${RENEWED}`, error)
    if (GIVEN_UP.test(code)) return unavailable(`PostgreSQL gave up: ${error.message}.`, error)
    return error
  }
  // pg throws these for values and statements that it cannot send: a defect, not an outage.
  if (error instanceof TypeError || error instanceof RangeError) return error
  if (error instanceof Error && error.message.startsWith('Prepared statements must be unique')) {
    return new InvariantError(error.message, { cause: error })
  }
  return unavailable('PostgreSQL cannot be reached; is it running?', error)
}

const unavailable = (message: string, cause: unknown) =>
  new RetryableError('UNAVAILABLE', message, { cause })
