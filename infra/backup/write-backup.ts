import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { TerminalError } from '@chimera/contracts/errors'
import { z } from 'zod'

import { dumpRecord } from '../database/backup/dump-record.ts'
import { copyLedger, listLedgers, type LedgerPlace } from './copy-ledger.ts'
import { hashFile, openHashedFile, syncFolder, type HashedFile } from './hashed-file.ts'
import { openLedgerFile } from './ledger-file.ts'
import { fetchLedger } from './live-ledger.ts'
import {
  FORMAT,
  MANIFEST_FILE,
  sealManifest,
  type BackupLedger,
  type BackupManifest,
} from './manifest.ts'
import { copyMedia } from './media.ts'
import { writeMemories } from './memories.ts'
import type { OutsideMemory } from './outside-memory.ts'

/** A tool server that may be holding a ledger. */
export type LiveLedger = { readonly path: string; readonly url: string }

/**
 * Backs record, ledgers and media up into `folder`, in that order: the others are newer then,
 * which a restore can use, and never older, which it could not. Everything is written beside the
 * folder and renamed when it is whole. Throws INPUT_INVALID when the folder holds something.
 */
export async function writeBackup(of: {
  folder: string
  databaseUrl: string
  /** Where the ledgers are; nobody has to hold them. */
  ledgers: string
  media: string
  /** Memories that are not in the record; nothing where it has them all. */
  memory: OutsideMemory | undefined
  live: readonly LiveLedger[]
  controlToken: string | undefined
  keys: 'apart' | 'none'
  progress: (sentence: string) => void
  signal: AbortSignal
}): Promise<BackupManifest> {
  const folder = path.resolve(of.folder)
  await refuseFull(folder)
  const fresh = `${folder}.partial-${process.pid}`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  try {
    const { tenantIds, ...record } = await writeRecord(of, fresh)
    const ledgers: BackupLedger[] = []
    for (const place of listLedgers(of.ledgers)) {
      of.signal.throwIfAborted()
      ledgers.push(await writeLedger(of, fresh, place))
    }
    const media = await copyMedia({ ...of, into: fresh })
    const memories = await writeMemories({ ...of, tenantIds, into: fresh })
    const manifest: BackupManifest = {
      format: FORMAT,
      ...record,
      ledgers,
      media,
      ...(memories === undefined ? {} : { memories }),
      keys: of.keys,
    }
    const file = await openHashedFile(path.join(fresh, MANIFEST_FILE))
    await file.write(sealManifest(manifest))
    await file.close()
    await syncFolder(fresh)
    await rename(fresh, folder)
    await syncFolder(path.dirname(folder))
    return manifest
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function refuseFull(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new TerminalError('INPUT_INVALID', `${folder} is no folder that can be written to.`, {
      cause: error,
    })
  })
  if (names.length === 0) return
  throw new TerminalError('INPUT_INVALID', `${folder} is not empty: name a folder of its own.`)
}

type Written = Omit<BackupManifest, 'format' | 'ledgers' | 'media' | 'memories' | 'keys'>

async function writeRecord(
  of: Parameters<typeof writeBackup>[0],
  fresh: string,
): Promise<Written & { tenantIds: string[] }> {
  const tenantIds: string[] = []
  const files: { table: string; path: string; file: HashedFile }[] = []
  const dumped = await dumpRecord({
    databaseUrl: of.databaseUrl,
    progress: of.progress,
    openTable: async (table) => {
      const name = `record/${table}.jsonl`
      const file = await openHashedFile(path.join(fresh, name))
      files.push({ table, path: name, file })
      return async (text) => {
        of.signal.throwIfAborted()
        if (table === 'tenants') tenantIds.push(...idsIn(text))
        await file.write(text)
      }
    },
  })
  const record: Written['record'] = []
  for (const { table, path: name, file } of files)
    record.push({ table, path: name, rows: dumped.rows[table] ?? 0, ...(await file.close()) })
  return {
    taken_at: dumped.takenAt,
    migration_version: dumped.migrationVersion,
    incarnation: dumped.incarnation,
    record,
    tenantIds,
  }
}

const Row = z.object({ id: z.uuid() })
const idsIn = (lines: string): string[] =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Row.parse(JSON.parse(line)).id)

async function writeLedger(
  of: Parameters<typeof writeBackup>[0],
  fresh: string,
  place: LedgerPlace,
): Promise<BackupLedger> {
  const name = `ledgers/${place.path}`
  const target = path.join(fresh, name)
  const holder = of.live.find((one) => path.resolve(one.path) === path.resolve(place.file))
  const isLive =
    holder !== undefined &&
    of.controlToken !== undefined &&
    (await fetchLedger({ url: holder.url, token: of.controlToken, target }))
  if (!isLive) await copyLedger(place.file, target)
  using ledger = openLedgerFile(target, place.server)
  const { head, entries } = ledger
  of.progress(`ledger: ${place.path}, seq ${head.seq}, ${entries} entries`)
  return {
    path: name,
    ...(await hashFile(target)),
    server: place.server,
    account: head.account,
    ledger_id: head.ledgerId,
    boot: head.boot,
    seq: head.seq,
    entries,
    from: isLive ? 'live' : 'file',
  }
}

/** Belongs to one cluster on one machine: another one makes its own. */
const STAYS = new Set(['postgres.password'])

/**
 * Copies the keys into a folder of their own, each 0600. They sign grants and receipts and open the
 * API: whoever has them and a backup has everything. Answers the names.
 */
export async function writeKeys(of: { keys: string; folder: string }): Promise<string[]> {
  const folder = path.resolve(of.folder)
  await refuseFull(folder)
  const fresh = `${folder}.partial-${process.pid}`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  const names = (await readdir(of.keys)).filter((name) => !STAYS.has(name)).toSorted()
  for (const name of names) {
    const text = await readFile(path.join(of.keys, name))
    await writeFile(path.join(fresh, name), text, { mode: 0o600 })
  }
  await rename(fresh, folder)
  return names
}
