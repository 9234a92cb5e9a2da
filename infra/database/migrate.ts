import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { sha256 } from '@chimera/contracts/canonical'
import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import pg from 'pg'

/** One numbered SQL file of `migrations/`. */
type Migration = { version: number; name: string; checksum: string; text: string }
type Applied = { version: number; name: string; checksum: string }

const FOLDER = join(import.meta.dirname, 'migrations')
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/
/** Any number that nobody else takes: the letters "chim" as bytes. */
const LOCK = 0x6368696d
/** Long enough for another run that is at work on a large table. */
const LOCK_TIMEOUT_MS = 120_000

const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version int PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`

/**
 * Brings the record to the newest version, one transaction per file; never back. Two runs at once
 * are harmless: the second waits for the first and finds nothing to do. Refuses (CONFIG_INVALID)
 * when an applied file was changed or the database is newer than this code; throws
 * RetryableError(UNAVAILABLE) when there is no server. Returns the names that were applied now and
 * the version reached.
 */
export async function migrate(of: {
  databaseUrl: string
  log: (sentence: string) => void
  /** For tests; the house's own otherwise. */
  folder?: string
}): Promise<{ applied: string[]; version: number }> {
  const known = readMigrations(of.folder ?? FOLDER)
  await using connection = await connect(of.databaseUrl)
  const { client } = connection
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`)
  await client.query('SELECT pg_advisory_lock($1)', [LOCK])
  await client.query(CREATE_TABLE)
  const done = await readApplied(client)
  refuseForeign(known, done)
  const applied: string[] = []
  for (const migration of known.slice(done.length)) {
    await apply(client, migration)
    of.log(`The database is at version ${migration.version} (${migration.name}).`)
    applied.push(migration.name)
  }
  if (applied.length > 0) await protectTenants(client)
  return { applied, version: known.length }
}

/** Puts tables that the files have made under row-level security, whoever wrote them. */
async function protectTenants(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ is_there: boolean }>(
    `SELECT to_regprocedure('public.protect_tenants()') IS NOT NULL AS is_there`,
  )
  if (rows[0]?.is_there === true) await client.query('SELECT protect_tenants()')
}

/** Where a database stands: its version, this code's, and the names that `migrate` would apply. */
export async function readMigrationStatus(of: {
  databaseUrl: string
  folder?: string
}): Promise<{ version: number; newest: number; pending: string[] }> {
  const known = readMigrations(of.folder ?? FOLDER)
  await using connection = await connect(of.databaseUrl)
  const done = await readApplied(connection.client)
  refuseForeign(known, done)
  return {
    version: done.length,
    newest: known.length,
    pending: known.slice(done.length).map(({ name }) => name),
  }
}

function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()
  return names.map((file, index) => {
    const version = Number(FILE_NAME.exec(file)?.[1])
    if (version !== index + 1) {
      throw refusal(`Migration ${file} should be number ${index + 1}: numbers have no gaps.`)
    }
    const text = readFileSync(join(folder, file), 'utf8')
    return { version, name: file.slice(0, -'.sql'.length), checksum: sha256(text), text }
  })
}

/** A database of another history than this code's is left alone. */
function refuseForeign(known: readonly Migration[], done: readonly Applied[]): void {
  for (const [index, row] of done.entries()) {
    const migration = known[index]
    if (migration === undefined) {
      throw refusal(
        `The database is at version ${done.length}, this code knows ${known.length}: ` +
          'run the newer code.',
      )
    }
    if (row.version !== migration.version || row.checksum !== migration.checksum) {
      throw refusal(
        `Migration ${row.name} is applied and has been changed since: ` +
          'restore the file and put the change into a new one.',
      )
    }
  }
}

async function readApplied(client: pg.Client): Promise<Applied[]> {
  const exists = await client.query(`SELECT 1 FROM pg_tables
    WHERE schemaname = 'public' AND tablename = 'schema_migrations'`)
  if (exists.rows.length === 0) return []
  const { rows } = await client.query<Applied>(
    'SELECT version, name, checksum FROM schema_migrations ORDER BY version',
  )
  return rows
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN')
    await client.query(migration.text)
    await client.query(
      'INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)',
      [migration.version, migration.name, migration.checksum],
    )
    await client.query('COMMIT')
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw refusal(`Migration ${migration.name} failed and changed nothing: ${reason}`, cause)
  }
}

async function connect(databaseUrl: string): Promise<AsyncDisposable & { client: pg.Client }> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'chimera-migrate',
    connectionTimeoutMillis: 5_000,
  })
  // A connection that breaks fails the statement that waits for it; this says it a second time.
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (cause) {
    throw new RetryableError('UNAVAILABLE', 'PostgreSQL cannot be reached; is it running?', {
      cause,
    })
  }
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

const refusal = (message: string, cause?: unknown): TerminalError =>
  new TerminalError('CONFIG_INVALID', message, cause === undefined ? {} : { cause })
