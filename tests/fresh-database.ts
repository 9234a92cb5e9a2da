/** Databases for tests: each its own, dropped with the test, beside those of all others. */
import { randomBytes } from 'node:crypto'

import { migrate } from '@chimera/infra/database/migrate'
import {
  openDatabase,
  type Database,
  type DatabaseRole,
} from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { inject } from 'vitest'

/** A database of this test alone. */
export type FreshDatabase = Database & { databaseUrl: string }

/** The way of a role's processes to a database of the tests; without a role its owner's. */
export function urlAs(role: DatabaseRole | undefined, databaseUrl: string): string {
  if (role === undefined) return databaseUrl
  const url = new URL(inject('loginUrls')[role])
  url.pathname = new URL(databaseUrl).pathname
  return url.href
}

/** A database without a table. */
export async function openEmptyDatabase(): Promise<FreshDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const log = openLog({ name: 'test', level: 'silent' })
  const serverUrl = inject('databaseUrl')
  const server = openDatabase({ url: serverUrl, name: 'test', log, max: 1 })
  await server.query({ text: `CREATE DATABASE ${name}` })
  const url = new URL(serverUrl)
  url.pathname = name
  const database = openDatabase({ url: url.href, name: 'test', log })
  return {
    ...database,
    databaseUrl: url.href,
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]()
      await server.query({ text: `DROP DATABASE ${name} WITH (FORCE)` })
      await server[Symbol.asyncDispose]()
    },
  }
}

/** A database with the newest schema and nothing else in it. */
export async function openFreshDatabase(): Promise<FreshDatabase> {
  const database = await openEmptyDatabase()
  try {
    await migrate({ databaseUrl: database.databaseUrl, log: () => {} })
    return database
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}
