import { RetryableError } from '@chimera/contracts/errors'
import pg from 'pg'

import type { Sql } from '../open-database.ts'
import { quoted, readTables } from './catalogue.ts'

/** What a dump is of, by the database's own word. */
export type DumpedRecord = {
  /** ISO 8601, the clock of the database at the snapshot. */
  readonly takenAt: string
  readonly migrationVersion: number
  readonly incarnation: string
  readonly rows: Readonly<Record<string, number>>
}

/** Where the lines of one table go; each call is one or more whole lines. */
export type LineSink = (text: string) => Promise<void>

/** Rows per round trip: 64 KiB, the largest row, times this is what one batch may hold. */
const BATCH = 500

/**
 * Reads the whole record in one snapshot (REPEATABLE READ READ ONLY): every table, a row a line, as
 * JSON. Nobody is held up by it. `openTable` is called once per table, parents first.
 */
export async function dumpRecord(of: {
  databaseUrl: string
  openTable: (name: string) => Promise<LineSink>
  progress: (sentence: string) => void
}): Promise<DumpedRecord> {
  const client = new pg.Client({
    connectionString: of.databaseUrl,
    application_name: 'chimera-backup',
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => undefined)
  await client.connect().catch((cause: unknown) => {
    throw new RetryableError('UNAVAILABLE', 'PostgreSQL cannot be reached; is it running?', {
      cause,
    })
  })
  try {
    const sql: Sql = {
      query: async <Row extends pg.QueryResultRow>(statement: {
        text: string
        values?: unknown[]
      }) => (await client.query<Row>(statement.text, statement.values ?? [])).rows,
    }
    // Slow disks are no reason to lose the snapshot.
    await client.query(`SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0`)
    await client.query(`SET TimeZone = 'UTC'`)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const head = await readHead(sql)
    const rows: Record<string, number> = {}
    for (const { name } of await readTables(sql)) {
      rows[name] = await dumpTable(client, name, await of.openTable(name))
      of.progress(`record: ${name}, ${rows[name]} rows`)
    }
    await client.query('COMMIT')
    return { ...head, rows }
  } finally {
    await client.end()
  }
}

async function readHead(sql: Sql): Promise<Omit<DumpedRecord, 'rows'>> {
  const [row] = await sql.query<{ taken_at: string; version: number; incarnation: string }>({
    text: `SELECT to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS taken_at,
        (SELECT max(version) FROM schema_migrations) AS version, incarnation::text
      FROM record_incarnation`,
  })
  if (row === undefined) throw new Error('The record has no incarnation; run the migrations.')
  return { takenAt: row.taken_at, migrationVersion: row.version, incarnation: row.incarnation }
}

async function dumpTable(client: pg.Client, name: string, sink: LineSink): Promise<number> {
  await client.query(
    `DECLARE dump NO SCROLL CURSOR FOR
      SELECT to_jsonb(t)::text AS line FROM public.${quoted(name)} t`,
  )
  let count = 0
  for (;;) {
    const { rows } = await client.query<{ line: string }>(`FETCH ${BATCH} FROM dump`)
    if (rows.length > 0) await sink(rows.map(({ line }) => `${line}\n`).join(''))
    count += rows.length
    if (rows.length < BATCH) break
  }
  await client.query('CLOSE dump')
  return count
}
