import { readFileSync } from 'node:fs'

import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import type { Redis } from 'ioredis'
import { z } from 'zod'

/** How often Redis was asked what, but for the bench's own INFO. */
export async function countRedis(redis: Redis): Promise<Record<string, number>> {
  const text = await redis.info('commandstats')
  const found = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+),/gm)]
  return Object.fromEntries(
    found.flatMap(([, name = '', calls]) => (name === 'info' ? [] : [[name, Number(calls)]])),
  )
}

const Transactions = z.object({ n: z.coerce.number() })

/** Counts from another database of the server, so that its own statements are not in the count. */
export function openPostgresCounter(databaseUrl: string): Database & {
  transactions: () => Promise<number>
  /** From now on the server writes every statement into its log. */
  logStatements: () => Promise<void>
} {
  const url = new URL(databaseUrl)
  const measured = url.pathname.slice(1)
  url.pathname = 'postgres'
  const log = openLog({ name: 'bench', level: 'silent' })
  const database = openDatabase({ url: url.href, name: 'bench', log, max: 1 })
  return {
    ...database,
    transactions: async () => {
      const [row] = await database.query({
        text: `SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = $1`,
        values: [measured],
      })
      return Transactions.parse(row).n
    },
    logStatements: async () => {
      await database.query({ text: `ALTER SYSTEM SET log_statement = 'all'` })
      await database.query({ text: 'SELECT pg_reload_conf()' })
    },
  }
}

/** Statements in the server's log from the position on, BEGIN and COMMIT among them. */
export function countStatements(logFile: string, from: number, database: string): number {
  const text = readFileSync(logFile).subarray(from).toString('utf8')
  const line = new RegExp(`\\] ${database} LOG:  (statement|execute [^:]*):`, 'g')
  return [...text.matchAll(line)].length
}
