import { migrate } from '../database/migrate.ts'
import type { StackLog } from './stack-log.ts'

/** Brings the record up to date and writes into it what this stack is. */
export async function enterInRecord(options: {
  databaseUrl: string
  operatorToken: string
  log: StackLog
}): Promise<void> {
  await migrate({ databaseUrl: options.databaseUrl, log: options.log })
}
