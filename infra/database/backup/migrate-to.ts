import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { TerminalError } from '@chimera/contracts/errors'

import { migrate } from '../migrate.ts'

const MIGRATIONS = path.join(import.meta.dirname, '..', 'migrations')

/**
 * Migrates an empty database to the version that a backup was taken at; what came later is migrated
 * once the rows are there. Throws BACKUP_INVALID when this code is older than the backup.
 */
export async function migrateTo(of: { databaseUrl: string; version: number }): Promise<void> {
  const all = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()
  if (of.version > all.length) {
    throw new TerminalError(
      'BACKUP_INVALID',
      `The backup is of version ${of.version}, this code knows ${all.length}: run the newer code.`,
    )
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'chimera-migrations-'))
  try {
    for (const name of all.slice(0, of.version))
      copyFileSync(path.join(MIGRATIONS, name), path.join(folder, name))
    await migrate({ databaseUrl: of.databaseUrl, log: () => undefined, folder })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
