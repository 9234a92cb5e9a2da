import path from 'node:path'

import { openRecordAlone } from '@chimera/infra/backup/open-record-alone'
import { restoreBackup, type RestoreSteps } from '@chimera/infra/backup/restore-backup'
import { verifyBackup } from '@chimera/infra/backup/verify-backup'
import { findStateDir } from '@chimera/infra/stack/state-dir'
import { openLog } from '@chimera/runtime/log'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { printableJson } from '../../terminal-text.ts'
import { renderRestore } from './render-restore.ts'

/** Restores a backup of the record. `steps` is what a negative control takes out. */
export async function restore(
  dir: string,
  options: { withLedgers?: boolean; yes?: boolean; json?: boolean },
  context: CliContext,
  steps?: RestoreSteps,
): Promise<void> {
  const folder = path.resolve(dir)
  const progress = (sentence: string) => context.err(`chimera: ${sentence}`)
  await using stack = new AsyncDisposableStack()
  const stateDir = findStateDir(context.env)
  const record = await openRecordAlone({ stateDir, env: context.env, log: progress, stack })
  const manifest = await verifyBackup({ folder, progress })
  if (options.yes !== true) {
    throw new CliExit(
      EXIT.usage,
      `The backup of ${manifest.taken_at} is whole. Restoring it takes everything back to then, ` +
        'but for what the ledgers know; the database of now is kept beside it. ' +
        'Add --yes to do it.',
    )
  }
  const { report, keptAs } = await restoreBackup(
    {
      folder,
      manifest,
      paths: record.paths,
      databaseUrl: record.databaseUrl,
      redisUrl: record.redisUrl,
      withLedgers: options.withLedgers === true,
      log: openLog({ name: 'restore', level: 'silent' }),
      progress,
    },
    steps,
  )
  if (options.json === true) return context.out(printableJson({ ...report, kept_as: keptAs }))
  for (const line of renderRestore(report, keptAs)) context.out(line)
}
