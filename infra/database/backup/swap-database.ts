import { ConflictError, RetryableError } from '@chimera/contracts/errors'
import pg from 'pg'

import { moveLogins } from '../logins/move-logins.ts'
import { quoted } from './catalogue.ts'

/** A database that is being restored beside the one that it will stand for. */
export type FreshRecord = AsyncDisposable & {
  readonly databaseUrl: string
  /**
   * Gives the fresh database the name of the old one, which is kept under another: both at once.
   * Returns that name. Throws STACK_RUNNING while anybody is connected to the old one.
   */
  swap(): Promise<string>
}

/** PostgreSQL cuts longer names off. */
const MAX_NAME = 63
/** Connections that are being closed are gone within this. */
const LEAVE_WITHIN_MS = 3_000
const LOOK_EVERY_MS = 100

/**
 * Makes an empty database `<name>_restoring` on the server of `databaseUrl`. One of that name is a
 * leftover of an interrupted restore and counts for nothing. Disposed before the swap, it is gone.
 */
export async function createFreshRecord(of: { databaseUrl: string }): Promise<FreshRecord> {
  const url = new URL(of.databaseUrl)
  const name = decodeURIComponent(url.pathname.slice(1))
  const fresh = `${name.slice(0, MAX_NAME - '_restoring'.length)}_restoring`
  url.pathname = `/${encodeURIComponent(fresh)}`
  await onServer(of.databaseUrl, async (client) => {
    await refuseConnected(client, name)
    await client.query(`DROP DATABASE IF EXISTS ${quoted(fresh)} WITH (FORCE)`)
    await client.query(await likeOld(client, { name, fresh }))
  })
  let isSwapped = false
  return {
    databaseUrl: url.href,
    swap: () =>
      onServer(of.databaseUrl, async (client) => {
        const kept = await swapNames(client, name, fresh)
        isSwapped = true
        return kept
      }),
    [Symbol.asyncDispose]: async () => {
      if (isSwapped) return
      await onServer(of.databaseUrl, (client) =>
        client.query(`DROP DATABASE IF EXISTS ${quoted(fresh)} WITH (FORCE)`),
      )
    },
  }
}

/** Sorted and compared as the old one: indexes and the order of ids stay what they were. */
async function likeOld(
  client: pg.Client,
  { name, fresh }: { name: string; fresh: string },
): Promise<string> {
  const { rows } = await client.query<{ encoding: string; collation: string; ctype: string }>(
    `SELECT pg_encoding_to_char(encoding) AS encoding, quote_literal(datcollate) AS collation,
      quote_literal(datctype) AS ctype FROM pg_database WHERE datname = $1`,
    [name],
  )
  const [old] = rows
  const like =
    old === undefined
      ? ''
      : ` ENCODING '${old.encoding}' LC_COLLATE ${old.collation} LC_CTYPE ${old.ctype}`
  return `CREATE DATABASE ${quoted(fresh)} TEMPLATE template0${like}`
}

/**
 * Both names change in one transaction, and with them the database that logins of the roles connect
 * to: whatever dies, one of the two is the record.
 */
async function swapNames(client: pg.Client, name: string, fresh: string): Promise<string> {
  const { rows } = await client.query<{ stamp: string }>(
    `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISSMS"Z"') AS stamp`,
  )
  const suffix = `_before_${rows[0]?.stamp ?? ''}`.toLowerCase()
  const kept = `${name.slice(0, MAX_NAME - suffix.length)}${suffix}`
  for (const one of [name, fresh]) await refuseConnected(client, one)
  await client.query('BEGIN')
  await moveLogins(client, { from: name, to: fresh })
  await client.query(`ALTER DATABASE ${quoted(name)} RENAME TO ${quoted(kept)}`)
  await client.query(`ALTER DATABASE ${quoted(fresh)} RENAME TO ${quoted(name)}`)
  await client.query('COMMIT')
  return kept
}

async function refuseConnected(client: pg.Client, name: string): Promise<void> {
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const { rows } = await client.query<{ name: string }>(
      `SELECT DISTINCT coalesce(nullif(application_name, ''), 'an unnamed client') AS name
        FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
      [name],
    )
    if (rows.length === 0) return
    if (waited >= LEAVE_WITHIN_MS) {
      const who = rows.map((row) => row.name).join(', ')
      throw new ConflictError(
        'STACK_RUNNING',
        `The database ${name} is in use by ${who}. Stop what works on it, then restore.`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

/** Renaming a database takes a connection to another one: `postgres`, which every server has. */
async function onServer<T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const url = new URL(databaseUrl)
  url.pathname = '/postgres'
  const client = new pg.Client({
    connectionString: url.href,
    application_name: 'chimera-restore',
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => undefined)
  await client.connect().catch((cause: unknown) => {
    throw new RetryableError('UNAVAILABLE', 'PostgreSQL cannot be reached; is it running?', {
      cause,
    })
  })
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
