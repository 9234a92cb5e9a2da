import { InvariantError, RetryableError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import { type Sql, type Statement, write } from '@chimera/infra/database/open-database'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'

let database: FreshDatabase
beforeAll(async () => {
  database = await openFreshDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

const addTenant = (sql: Sql, name: string) =>
  sql.query({
    text: 'INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), $1)',
    values: [name],
  })
const countTenants = async (name: string) => {
  const [row] = await database.query<{ n: string }>({
    text: 'SELECT count(*) AS n FROM tenants WHERE name = $1',
    values: [name],
  })
  return Number(row?.n)
}
const pidOf = async (sql: Sql) => {
  const [row] = await sql.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })
  return row?.pid
}
const terminate = (pid: number | undefined) =>
  database.query({ text: 'SELECT pg_terminate_backend($1, 5000)', values: [pid] })

test('a connection killed in a transaction is retryable and leaves nothing', async () => {
  const broken = database.transaction(async (tx) => {
    await addTenant(tx, 'killed')
    await terminate(await pidOf(tx))
    await addTenant(tx, 'killed')
  })
  await expect(broken).rejects.toThrow(RetryableError)
  expect(await countTenants('killed')).toBe(0)
  await database.transaction((tx) => addTenant(tx, 'after'))
  expect(await countTenants('after')).toBe(1)
})

test('a connection killed before the commit is retryable and leaves nothing', async () => {
  const broken = database.transaction(async (tx) => {
    await addTenant(tx, 'uncommitted')
    await terminate(await pidOf(tx))
  })
  await expect(broken).rejects.toThrow(RetryableError)
  expect(await countTenants('uncommitted')).toBe(0)
})

test('idle connections that the server ends are replaced at the next use', async () => {
  await Promise.all([pidOf(database), pidOf(database), pidOf(database)])
  await database.query({
    text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  })
  await expect.poll(() => pidOf(database).catch(() => undefined)).toBeTypeOf('number')
})

test('a statement that takes too long is retryable', async () => {
  const slow = database.transaction(async (tx) => {
    await tx.query({ text: `SET LOCAL statement_timeout = '50ms'` })
    await tx.query({ text: 'SELECT pg_sleep(10)' })
  })
  await expect(slow).rejects.toThrow(/gave up/)
})

test('a transaction left idle is ended by the server, and the next one works', async () => {
  const idle = database.transaction(async (tx) => {
    await tx.query({ text: `SET LOCAL idle_in_transaction_session_timeout = '50ms'` })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await addTenant(tx, 'idle')
  })
  await expect(idle).rejects.toThrow(RetryableError)
  expect(await countTenants('idle')).toBe(0)
})

test('a failed statement that the work hides does not pass for a commit', async () => {
  const hiding = database.transaction(async (tx) => {
    await addTenant(tx, 'hidden')
    await tx.query({ text: 'SELECT 1 / 0' }).catch(() => undefined)
  })
  await expect(hiding).rejects.toThrow(InvariantError)
  expect(await countTenants('hidden')).toBe(0)
})

test('a statement that nobody waited for fails the transaction, with its own error', async () => {
  const sending = database.transaction(async (tx) => {
    await addTenant(tx, 'sent')
    await write(tx, { text: `INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), NULL)` })
    return 'not committed'
  })
  await expect(sending).rejects.toMatchObject({ code: '23502' })
  const followed = database.transaction(async (tx) => {
    await write(tx, { text: `INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), NULL)` })
    await addTenant(tx, 'sent')
  })
  await expect(followed).rejects.toMatchObject({ code: '23502' })
  expect(await countTenants('sent')).toBe(0)
})

test('a statement that is a transaction of its own is committed whole or not at all', async () => {
  const scope = { tenantIds: [newId()] }
  const insert = (name: string | null): Statement => ({
    text: `INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), $1)`,
    values: [name],
  })
  await database.query(insert('alone'), scope)
  await expect(database.query(insert(null), scope)).rejects.toMatchObject({ code: '23502' })
  await database.query(insert('alone'), scope)
  expect(await countTenants('alone')).toBe(2)
  const killed = database.query({ text: 'SELECT pg_terminate_backend(pg_backend_pid())' }, scope)
  await expect(killed).rejects.toThrow(RetryableError)
  expect(await countTenants('alone')).toBe(2)
})

test('a constraint that refuses is the statement’s own error, not an outage', async () => {
  const refused = database.query({
    text: `INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), NULL)`,
  })
  await expect(refused).rejects.toMatchObject({ code: '23502' })
})

test('one name for two statements is a defect, not an outage', async () => {
  const two = database.transaction(async (tx) => {
    await tx.query({ name: 'same', text: 'SELECT 1' })
    await tx.query({ name: 'same', text: 'SELECT 2' })
  })
  await expect(two).rejects.toThrow(InvariantError)
})

test('dates, bigints and numerics are read as the text that they are', async () => {
  const [row] = await database.query({
    text: `SELECT date '2026-11-21' AS day, 9007199254740993::bigint AS big, 0.10::numeric AS cost`,
  })
  expect(row).toEqual({ day: '2026-11-21', big: '9007199254740993', cost: '0.10' })
})
