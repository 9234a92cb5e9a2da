import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { TerminalError } from '@chimera/contracts/errors'
import { z } from 'zod'

/** Raised when an older restore could misread a backup. */
export const FORMAT = 1
export const MANIFEST_FILE = 'manifest.json'

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** Inside the backup's folder, with forward slashes. */
const RelativePath = z.string().regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.:-]+)*$/)

const BackupFile = z.strictObject({
  path: RelativePath.refine((file) => !file.split('/').includes('..')),
  bytes: z.int().nonnegative(),
  sha256: Sha256,
})
export type BackupFile = z.infer<typeof BackupFile>

const BackupLedger = BackupFile.extend({
  /** The tool server's name: the folder of its ledgers. */
  server: z.string(),
  account: z.string(),
  ledger_id: z.uuid(),
  /** Its newest boot, and the number of its last commit. */
  boot: z.uuid(),
  seq: z.int().nonnegative(),
  entries: z.int().nonnegative(),
  /** `live`: asked of its holder; `file`: copied, nobody held it. */
  from: z.enum(['live', 'file']),
})
export type BackupLedger = z.infer<typeof BackupLedger>

/** Memories that were not in the record, or why they are not in the backup either. */
const BackupMemories = z.union([
  BackupFile.extend({ count: z.int().nonnegative() }),
  z.strictObject({ missing: z.string() }),
])
export type BackupMemories = z.infer<typeof BackupMemories>

/**
 * What a backup holds; written last, so that a folder without it is no backup. The record is a
 * snapshot of one moment, the ledgers were copied after it: a newer ledger is safe.
 */
export const BackupManifest = z.strictObject({
  format: z.literal(FORMAT),
  /** By the clock of the database, at the record's snapshot. */
  taken_at: z.iso.datetime(),
  migration_version: z.int().positive(),
  incarnation: z.uuid(),
  record: z.array(BackupFile.extend({ table: z.string(), rows: z.int().nonnegative() })),
  ledgers: z.array(BackupLedger),
  /** Images that goals name, copied after the record; older backups have none. */
  media: z.array(BackupFile).optional(),
  /** None where the record has them all, and in older backups. */
  memories: BackupMemories.optional(),
  /** Keys lie elsewhere, or nowhere; never here. */
  keys: z.enum(['apart', 'none']),
})
export type BackupManifest = z.infer<typeof BackupManifest>

const Sealed = BackupManifest.extend({ sha256: Sha256 })

/** The manifest as text, with its own hash. */
export function sealManifest(manifest: BackupManifest): string {
  const sealed = { ...manifest, sha256: canonicalHash(manifest) }
  return `${JSON.stringify(sealed, undefined, 2)}\n`
}

/** Reads a backup's manifest. Throws BACKUP_INVALID when there is none or it was altered. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const file = path.join(folder, MANIFEST_FILE)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TerminalError(
      'BACKUP_INVALID',
      `${file} cannot be read: this is no backup, or one that was interrupted.`,
      { cause },
    )
  })
  const parsed = Sealed.safeParse(jsonOf(text))
  if (!parsed.success) {
    throw new TerminalError('BACKUP_INVALID', `${file} is not the manifest of a backup.`, {
      cause: parsed.error,
    })
  }
  const { sha256, ...manifest } = parsed.data
  if (canonicalHash(manifest) !== sha256) {
    throw new TerminalError('BACKUP_INVALID', `${file} was altered.`)
  }
  return manifest
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
