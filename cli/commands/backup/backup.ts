import path from 'node:path'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import type { BackupManifest, BackupMemories } from '@chimera/infra/backup/manifest'
import { openRecordAlone } from '@chimera/infra/backup/open-record-alone'
import { openOutsideMemory, type OutsideMemory } from '@chimera/infra/backup/outside-memory'
import { writeBackup, writeKeys, type LiveLedger } from '@chimera/infra/backup/write-backup'
import { findStack } from '@chimera/infra/stack/control-client'
import { findStateDir, stateDirPaths, type StateDirPaths } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { findDatabaseUrl, readSecretFile } from '../../local-stack.ts'
import { printableJson } from '../../terminal-text.ts'
import { interruptible } from './interruptible.ts'

/** Backs up what runs; what is down is started for it, as far as it needs to be. */
export async function backup(
  dir: string,
  options: { keys?: string; json?: boolean },
  context: CliContext,
): Promise<void> {
  refuseMixed(dir, options.keys)
  using interrupt = interruptible()
  await using stack = new AsyncDisposableStack()
  const source = await findSource(context, stack)
  const { paths, isRunning } = source
  const memory = await findMemory({ context, isRunning, stack })
  const progress = (sentence: string) => context.err(`chimera: ${sentence}`)
  if (options.keys !== undefined) {
    const names = await writeKeys({ keys: paths.keys, folder: options.keys })
    progress(`keys: ${names.length} files in ${path.resolve(options.keys)}; guard them`)
  }
  const manifest = await writeBackup({
    folder: dir,
    databaseUrl: source.databaseUrl,
    ledgers: paths.ledgers,
    media: paths.media,
    memory,
    live: source.live,
    controlToken: source.controlToken,
    keys: options.keys === undefined ? 'none' : 'apart',
    progress,
    signal: interrupt.signal,
  })
  if (options.keys === undefined)
    progress('The keys are not in it; `--keys <dir>` copies them to a place of their own.')
  context.out(options.json === true ? printableJson(manifest) : sentenceOf(dir, manifest))
}

type Source = {
  paths: StateDirPaths
  databaseUrl: string
  isRunning: boolean
  live: readonly LiveLedger[]
  controlToken: string | undefined
}

async function findSource(context: CliContext, stack: AsyncDisposableStack): Promise<Source> {
  const stateDir = findStateDir(context.env)
  const running = await findStack(stateDir)
  if (running === undefined) {
    const log = (sentence: string) => context.err(`chimera: ${sentence}`)
    const alone = await openRecordAlone({ stateDir, env: context.env, log, stack })
    return { ...alone, isRunning: false, live: [], controlToken: undefined }
  }
  const report = await running.report()
  const paths = stateDirPaths(stateDir)
  return {
    paths,
    isRunning: true,
    databaseUrl: await findDatabaseUrl(context, report),
    live: report.tools.map(({ ledger, url }) => ({ path: ledger, url })),
    controlToken: await readSecretFile(paths.keyFiles.controlToken),
  }
}

/** A Weaviate that does not come up is told in the backup, and keeps nobody from one. */
async function findMemory(of: {
  context: CliContext
  isRunning: boolean
  stack: AsyncDisposableStack
}): Promise<OutsideMemory | undefined> {
  const { env } = of.context
  try {
    return await openOutsideMemory({ ...of, env, stateDir: findStateDir(env) })
  } catch (error) {
    if (!(error instanceof RetryableError)) throw error
    return { missing: error.message }
  }
}

/** Whoever finds a backup must not find the keys with it. */
function refuseMixed(dir: string, keys: string | undefined): void {
  if (keys === undefined) return
  const [one, other] = [path.resolve(dir), path.resolve(keys)]
  const isInside = (inner: string, outer: string) =>
    inner === outer || inner.startsWith(`${outer}${path.sep}`)
  if (!isInside(one, other) && !isInside(other, one)) return
  throw new TerminalError('INPUT_INVALID', 'Keys and backup belong in two folders, side by side.')
}

function sentenceOf(
  dir: string,
  { taken_at: at, record, ledgers, media = [], memories }: BackupManifest,
): string {
  const rows = record.reduce((sum, table) => sum + table.rows, 0)
  return (
    `Backed up to ${path.resolve(dir)}: the record of ${at} (${rows} rows), ` +
    `${ledgers.length} ledgers and ${media.length} images` +
    `${memories === undefined ? '' : sentenceOfMemories(memories)}.`
  )
}

const sentenceOfMemories = (memories: BackupMemories): string =>
  'missing' in memories
    ? `; NOT the memories of agents: ${memories.missing}`
    : `, and ${memories.count} memories of agents`
