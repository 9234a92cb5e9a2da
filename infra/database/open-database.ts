import type { Logger } from '@chimera/runtime/log'
import { RetryableError } from '@chimera/contracts/errors'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

import type { Tables } from './tables.ts'

/** Runs statements: on the pool (each its own transaction) or inside one transaction. */
export type Sql = {
  /**
   * Runs one statement. A `name` makes it a prepared statement of the connection: give one to what runs
   * often. numeric and bigint come back as text, timestamptz as Date, jsonb parsed.
   * Throws RetryableError(UNAVAILABLE) when the server cannot be reached or is shutting down, pg's own
   * DatabaseError for everything that the statement did wrong.
   */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>
}

export type Statement = { readonly name?: string; readonly text: string; readonly values?: unknown[] }

/** The record. */
export type Database = Sql &
  AsyncDisposable & {
    /** For what is not on a hot path. */
    readonly kysely: Kysely<Tables>
    /** Runs `work` in one READ COMMITTED transaction: all of it or nothing. */
    transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>
  }

/** How long one statement may take before the server gives it up. */
const STATEMENT_TIMEOUT_MS = 30_000
const CONNECT_TIMEOUT_MS = 5_000

/** Opens a pool; connections are made when they are needed. */
export function openDatabase(of: {
  url: string
  /** Shown in pg_stat_activity. */
  name: string
  log: Logger
  /** Most connections at once. */
  max?: number
}): Database {
  const pool = new pg.Pool({
    connectionString: of.url,
    application_name: `chimera-${of.name}`,
    max: of.max ?? 4,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: false,
  })
  // An idle connection that breaks is replaced at the next use; without a listener it ends the process.
  pool.on('error', (error) => of.log.warn({ err: error }, 'an idle database connection broke'))
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })

  return {
    kysely,
    query: (statement) => run(pool, statement),
    transaction: (work) => inTransaction(pool, work),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

async function inTransaction<T>(pool: pg.Pool, work: (tx: Sql) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw unavailable(error)
  })
  let broken: Error | undefined
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    await run(client, { text: 'BEGIN' })
    const value = await work({ query: (statement) => run(client, statement) })
    await run(client, { text: 'COMMIT' })
    return value
  } catch (error) {
    // A connection that cannot even roll back is thrown away; the server rolls back by itself.
    await client.query('ROLLBACK').catch((reason: unknown) => {
      broken = reason instanceof Error ? reason : new Error('rollback failed')
    })
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}

async function run<Row extends pg.QueryResultRow>(
  on: pg.Pool | pg.PoolClient,
  statement: Statement,
): Promise<Row[]> {
  try {
    const result = await on.query<Row>({
      ...(statement.name === undefined ? {} : { name: statement.name }),
      text: statement.text,
      values: statement.values ?? [],
    })
    return result.rows
  } catch (error) {
    throw isDisconnect(error) ? unavailable(error) : error
  }
}

/** Classes 08 (connection), 53 (resources) and 57P (shutdown, restart) of PostgreSQL's error codes. */
function isDisconnect(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true
  return /^(08|53|57P)/.test(error.code ?? '')
}

const unavailable = (cause: unknown) =>
  new RetryableError('UNAVAILABLE', 'PostgreSQL cannot be reached; is it running?', { cause })
