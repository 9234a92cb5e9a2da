import path from 'node:path'

import { TerminalError } from '@chimera/contracts/errors'

import { hashFile } from './hashed-file.ts'
import { readManifest, type BackupFile, type BackupManifest } from './manifest.ts'

/**
 * Reads a backup's manifest and every file of it. Throws BACKUP_INVALID, which names the file, when
 * one is missing or not as it was written.
 */
export async function verifyBackup(of: {
  folder: string
  progress: (sentence: string) => void
}): Promise<BackupManifest> {
  const manifest = await readManifest(of.folder)
  const files: readonly BackupFile[] = [
    ...manifest.record,
    ...manifest.ledgers,
    ...(manifest.media ?? []),
    ...(manifest.memories !== undefined && 'path' in manifest.memories ? [manifest.memories] : []),
  ]
  for (const file of files) await verifyFile(of.folder, file)
  of.progress(`verified ${files.length} files of the backup of ${manifest.taken_at}`)
  return manifest
}

async function verifyFile(folder: string, { path: name, bytes, sha256 }: BackupFile) {
  const file = path.join(folder, name)
  const found = await hashFile(file).catch((cause: unknown) => {
    throw new TerminalError('BACKUP_INVALID', `${file} of the backup cannot be read.`, { cause })
  })
  if (found.bytes === bytes && found.sha256 === sha256) return
  throw new TerminalError('BACKUP_INVALID', `${file} is not as it was backed up: it was altered.`)
}
