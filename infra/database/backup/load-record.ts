import { TerminalError } from '@chimera/contracts/errors'

import type { Sql } from '../open-database.ts'
import { quoted, readTables, type TableShape } from './catalogue.ts'

/** One statement takes at most this many rows ... */
const BATCH = 500
/** ... and about this much text. */
const BATCH_CHARACTERS = 4_000_000

/**
 * Loads the lines of a dump into a freshly migrated database, every constraint in force. Rows that
 * the migrations put there themselves give way. Returns how many rows each table got.
 */
export async function loadRecord(of: {
  sql: Sql
  /** The lines of a table; an empty list when the dump has no such table. */
  lines: (table: string) => AsyncIterable<string>
  progress: (sentence: string) => void
}): Promise<Record<string, number>> {
  const tables = await readTables(of.sql)
  for (const { name } of tables.toReversed()) await clear(of.sql, name)
  const rows: Record<string, number> = {}
  for (const table of tables) {
    // Loading the rows of its parents may have made some here: triggers are in force, too.
    await clear(of.sql, table.name)
    let count = 0
    for await (const batch of batches(of.lines(table.name))) {
      await insert(of.sql, table, batch)
      count += batch.length
    }
    rows[table.name] = count
    of.progress(`loaded ${table.name}, ${count} rows`)
  }
  return rows
}

/** Tables that refuse every DELETE are left alone: nothing puts rows there before life begins. */
async function clear(sql: Sql, table: string): Promise<void> {
  const some = await sql.query({ text: `SELECT 1 FROM public.${quoted(table)} LIMIT 1` })
  if (some.length > 0) await sql.query({ text: `DELETE FROM public.${quoted(table)}` })
}

async function* batches(lines: AsyncIterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = []
  let size = 0
  for await (const line of lines) {
    batch.push(line)
    size += line.length
    if (batch.length < BATCH && size < BATCH_CHARACTERS) continue
    yield batch
    batch = []
    size = 0
  }
  if (batch.length > 0) yield batch
}

async function insert(sql: Sql, table: TableShape, lines: readonly string[]): Promise<void> {
  const name = quoted(table.name)
  const columns = table.columns.map(quoted).join(', ')
  // JSON's null and SQL's are one in a line; where only the first is possible, it was the first.
  const values = table.columns
    .map((column) =>
      table.requiredJson.includes(column)
        ? `coalesce(r.${quoted(column)}, 'null'::jsonb)`
        : `r.${quoted(column)}`,
    )
    .join(', ')
  const rows = await sql
    .query({
      text: `INSERT INTO public.${name} (${columns}) SELECT ${values}
        FROM jsonb_populate_recordset(NULL::public.${name}, $1::jsonb) AS r RETURNING 1`,
      values: [`[${lines.join(',')}]`],
    })
    .catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new TerminalError('BACKUP_INVALID', `The rows of ${table.name} do not fit: ${why}`, {
        cause,
      })
    })
  if (rows.length !== lines.length) {
    throw new TerminalError('BACKUP_INVALID', `A line of ${table.name} holds no row.`)
  }
}
