import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { Logger } from '@chimera/runtime/log'

import { enterBoots, readKnownLedgers } from '../database/backup/enter-boots.ts'
import { holdSlots } from '../database/backup/hold-slots.ts'
import { importWords, type Imported } from '../database/backup/import-words.ts'
import type { LedgerHead } from '../database/backup/ledger-word.ts'
import { loadMemories } from '../database/backup/load-memories.ts'
import { loadRecord } from '../database/backup/load-record.ts'
import { migrateTo } from '../database/backup/migrate-to.ts'
import { recount } from '../database/backup/recount.ts'
import { renewRecord } from '../database/backup/renew-record.ts'
import { createFreshRecord } from '../database/backup/swap-database.ts'
import { writeRestore } from '../database/backup/write-restore.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase, type Database } from '../database/open-database.ts'
import type { StateDirPaths } from '../stack/state-dir.ts'
import { chooseLedgers, type ChosenLedger } from './choose-ledgers.ts'
import { emptyRedis } from './empty-redis.ts'
import { linesOf } from './hashed-file.ts'
import type { BackupManifest } from './manifest.ts'
import { placeMedia } from './media.ts'
import { placeLedger } from './place-ledger.ts'
import type { RestoredAccount, RestoreReport } from './restore-report.ts'

/** The steps that make a restored record safe; a negative control takes one out. */
export type RestoreSteps = {
  readonly importWords: typeof importWords
  readonly holdSlots: typeof holdSlots
}

export type Restored = {
  readonly report: RestoreReport
  /** The name that the database of before has now. */
  readonly keptAs: string
}

/**
 * Restores a verified backup while nothing runs (design.md section 5, "The record restored"). The
 * new record is made whole beside the old one: loaded, migrated, the ledgers imported, stopped
 * under a new incarnation. Then Redis is emptied, the databases swap names, and ledgers of the
 * backup are put in place; its media are only added. Until the swap nothing of the old record has
 * changed; whatever is interrupted, the restore can be run again.
 */
export async function restoreBackup(
  of: {
    folder: string
    manifest: BackupManifest
    paths: StateDirPaths
    databaseUrl: string
    redisUrl: string | undefined
    withLedgers: boolean
    log: Logger
    progress: (sentence: string) => void
  },
  steps: RestoreSteps = { importWords, holdSlots },
): Promise<Restored> {
  await using stack = new AsyncDisposableStack()
  const scratch = mkdtempSync(path.join(tmpdir(), 'chimera-restore-'))
  stack.defer(() => rmSync(scratch, { recursive: true, force: true }))
  const fresh = stack.use(await createFreshRecord(of))
  const { databaseUrl } = fresh
  const files = stack.use(new DisposableStack())
  const filled = await fill({ ...of, databaseUrl, scratch, files, steps })
  const { folder: backup, manifest, paths, progress } = of
  await placeMedia({ backup, files: manifest.media ?? [], media: paths.media, progress })
  await emptyRedis(of)
  const keptAs = await fresh.swap()
  of.progress(`the record is the restored one; the one of before is ${keptAs}`)
  files.dispose()
  const accounts = filled.chosen.map((one, n) => {
    const report = filled.report.accounts[n]
    const movedAside = placeLedger(one)
    return report === undefined ? [] : [{ ...report, moved_aside: movedAside }]
  })
  return { report: { ...filled.report, accounts: accounts.flat() }, keptAs }
}

type Filling = Parameters<typeof restoreBackup>[0] & {
  scratch: string
  files: DisposableStack
  steps: RestoreSteps
}

/** Everything that the new record has to know before anything may start on it. */
async function fill(of: Filling): Promise<{ report: RestoreReport; chosen: ChosenLedger[] }> {
  const { databaseUrl, manifest, progress } = of
  await migrateTo({ databaseUrl, version: manifest.migration_version })
  const rows = await load(of)
  await migrate({ databaseUrl, log: progress })
  const url = databaseUrl
  await using database = openDatabase({ url, name: 'restore', log: of.log, max: 2 })
  const memories = await waitMemories(of, database)
  const chosen = await chooseLedgers({
    manifest,
    backup: of.folder,
    ledgers: of.paths.ledgers,
    scratch: of.scratch,
    withLedgers: of.withLedgers,
    known: await readKnownLedgers(database),
    stack: of.files,
  })
  const accounts: RestoredAccount[] = []
  for (const one of chosen) accounts.push(await importAccount(of, database, one))
  const lost = chosen.filter((one) => one.lost !== undefined).map(({ account }) => account)
  const { held, goalsEnded } = await of.steps.holdSlots({ database, accounts: lost })
  const life = await renewRecord({ database, ledgers: headsOf(chosen) })
  const { budgets } = await recount({ database })
  for (const one of chosen) {
    const rounds = held.filter(({ account }) => account === one.account)
    const account = accounts.find((report) => report.account === one.account)
    if (account !== undefined) account.needs_human = rounds.length
    if (one.staged !== undefined) one.readable[0]?.hold(rounds, life.incarnation)
  }
  const report: RestoreReport = {
    incarnation: life.incarnation,
    previous: life.previous,
    backup_taken_at: manifest.taken_at,
    with_ledgers: of.withLedgers,
    rows,
    ...(memories === undefined ? {} : { memories }),
    fence: life.fence,
    accounts,
    goals_ended: goalsEnded,
    budgets,
    todo: todoFor(accounts),
  }
  await writeRestore({
    database,
    life,
    backupTakenAt: manifest.taken_at,
    withLedgers: of.withLedgers,
    report,
  })
  return { report, chosen }
}

const headsOf = (chosen: readonly ChosenLedger[]): LedgerHead[] =>
  chosen.flatMap(({ readable }) => readable.map(({ head }) => head))

async function load(of: Filling): Promise<Record<string, number>> {
  await using database = openDatabase({
    url: of.databaseUrl,
    name: 'restore',
    log: of.log,
    max: 1,
  })
  return await loadRecord({
    sql: database,
    progress: of.progress,
    lines: (table) => {
      const file = of.manifest.record.find((one) => one.table === table)
      return file === undefined ? nothing() : linesOf(path.join(of.folder, file.path))
    },
  })
}

/** The Keeper brings them once the stack runs; answers how many there are. */
async function waitMemories(of: Filling, sql: Database): Promise<number | undefined> {
  const { memories } = of.manifest
  if (memories === undefined) return undefined
  if ('missing' in memories) {
    of.progress(`The backup has no memories of agents: ${memories.missing}`)
    return 0
  }
  const waiting = await loadMemories({ sql, lines: linesOf(path.join(of.folder, memories.path)) })
  of.progress(`memories: ${waiting} are brought back once the stack runs`)
  return waiting
}

async function* nothing(): AsyncGenerator<string> {}

async function importAccount(
  of: Filling,
  database: Database,
  one: ChosenLedger,
): Promise<RestoredAccount> {
  const sum = { entries: 0, same: 0, settled: 0, adopted: 0, made: 0, clients: 0 }
  const differs: Imported['differs'] = []
  const inPlace = one.readable[0]
  // Boots of another ledger would only be missed by the one that will lie there.
  if (inPlace !== undefined) await enterBoots({ database, ledger: inPlace.head })
  for (const ledger of one.readable) {
    const done = await of.steps.importWords({
      database,
      ledger: ledger.head,
      words: ledger.words(),
    })
    const { differs: found, ...counts } = done
    differs.push(...found)
    sum.entries += counts.entries
    sum.same += counts.same
    sum.settled += counts.settled
    sum.adopted += counts.adopted
    sum.made += counts.made
    sum.clients += counts.clients
  }
  const head = inPlace?.head
  of.progress(`imported the ledger of ${one.account}: ${sum.entries} entries, ${sum.made} new`)
  return {
    account: one.account,
    server: one.server,
    ledger: one.from,
    ledger_id: head?.ledgerId ?? null,
    boot: head?.boot ?? null,
    seq: head?.seq ?? null,
    both_rolled_back: one.lost !== undefined,
    reason: one.lost ?? null,
    moved_aside: null,
    imported: sum,
    needs_human: 0,
    differs,
  }
}

function todoFor(accounts: readonly RestoredAccount[]): string[] {
  const todo = ['./chimera up']
  for (const { account, needs_human: n, differs, both_rolled_back: lost } of accounts) {
    if (lost) todo.push(`chimera tools adopt ${account}, if its server says LEDGER_BEHIND`)
    if (n > 0)
      todo.push(
        `look at ${account} what became of ${n} effects, and settle each: ` +
          'chimera effect ls --state NEEDS_HUMAN, chimera effect settle <id> ...',
      )
    if (differs.length > 0)
      todo.push(`look at what record and ledger of ${account} say differently (differs)`)
  }
  return [...todo, './chimera resume, once all of that is as it should be']
}
