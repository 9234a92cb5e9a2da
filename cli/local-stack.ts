import { readFile } from 'node:fs/promises'

import { RetryableError } from '@chimera/contracts/errors'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { findStack } from '@chimera/infra/stack/control-client'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { findStateDir } from '@chimera/infra/stack/state-dir'
import { loadConfig } from '@chimera/runtime/config'
import { openLog } from '@chimera/runtime/log'

import type { CliContext } from './context.ts'

/** What to do when nothing runs, wherever a command needs it. */
export const notRunning = (): RetryableError =>
  new RetryableError('UNAVAILABLE', 'Nothing runs here; start it with ./chimera up')

/** The stack of this state directory. Throws UNAVAILABLE (exit 69) when none runs. */
export async function getLocalStack(context: CliContext): Promise<StackReport> {
  const stack = await findStack(findStateDir(context.env))
  if (stack === undefined) throw notRunning()
  return stack.report()
}

/** A secret of the state directory. */
export async function readSecretFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new RetryableError('UNAVAILABLE', `${file} cannot be read; ./chimera up writes it.`, {
      cause,
    })
  }
}

/**
 * The record's address: DATABASE_URL, else that of the stack that runs (`known` saves a question).
 */
export async function findDatabaseUrl(context: CliContext, known?: StackReport): Promise<string> {
  const { env } = context
  const isGiven = [env['DATABASE_URL'], env['DATABASE_URL_FILE']].some((one) => (one ?? '') !== '')
  if (isGiven) return loadConfig(['postgres'], env).DATABASE_URL
  const { urls } = known ?? (await getLocalStack(context))
  if (urls.postgres === '') throw notRunning()
  return urls.postgres
}

/** The record, for one command. */
export async function openRecord(context: CliContext, known?: StackReport): Promise<Database> {
  const log = openLog({ name: 'cli', level: 'silent' })
  return openDatabase({ url: await findDatabaseUrl(context, known), name: 'cli', log, max: 2 })
}
