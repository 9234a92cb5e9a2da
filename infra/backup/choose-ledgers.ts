import { existsSync } from 'node:fs'
import path from 'node:path'

import { copyLedger, listLedgers, refuseHeldLedger } from './copy-ledger.ts'
import { openLedgerFile, type LedgerFile } from './ledger-file.ts'
import type { BackupLedger, BackupManifest } from './manifest.ts'

/** What a restore does with the ledgers of one account. */
export type ChosenLedger = {
  readonly account: string
  readonly server: string
  /** Where the account's ledger belongs; undefined when none is known of it. */
  readonly file: string | undefined
  /** What will lie there. */
  readonly from: 'disk' | 'backup' | 'none'
  /** Everything whose words are imported, the one that will lie there first. */
  readonly readable: readonly LedgerFile[]
  /** A copy of the backup's ledger, to be put in place after the swap. */
  readonly staged: string | undefined
  /** Why record and ledger count as both rolled back; undefined when the ledger is newer. */
  readonly lost: string | undefined
}

type Known = ReadonlyMap<string, { boots: readonly string[]; highestSeq: number }>

/**
 * Chooses for every account that record, backup or disk know. A ledger on disk is kept when it
 * continues what the restored record and the backup's copy know: then it is newer, which is safe.
 * `stack` closes what was opened; `scratch` holds copies for as long.
 */
export async function chooseLedgers(of: {
  manifest: BackupManifest
  backup: string
  ledgers: string
  scratch: string
  withLedgers: boolean
  known: Known
  stack: DisposableStack
}): Promise<ChosenLedger[]> {
  const chosen: ChosenLedger[] = []
  const onDisk = listLedgers(of.ledgers)
  const places = new Map(
    [
      ...of.manifest.ledgers.map(({ server, path: name }) => ({
        server,
        path: name.slice('ledgers/'.length),
      })),
      ...onDisk,
    ].map((place) => [place.path, place.server]),
  )
  for (const [place, server] of places) {
    const copy = of.manifest.ledgers.find(({ path: name }) => name === `ledgers/${place}`)
    chosen.push(await choose(of, { place, server, copy }))
  }
  const seen = new Set(chosen.map(({ account }) => account))
  for (const [account, { boots }] of of.known) {
    if (seen.has(account) || boots.length === 0) continue
    const lost = 'neither this machine nor the backup has its ledger'
    chosen.push({
      account,
      server: '',
      file: undefined,
      from: 'none',
      readable: [],
      staged: undefined,
      lost,
    })
  }
  return chosen
}

async function choose(
  of: Parameters<typeof chooseLedgers>[0],
  { place, server, copy }: { place: string; server: string; copy: BackupLedger | undefined },
): Promise<ChosenLedger> {
  const file = path.join(of.ledgers, place)
  const open = async (from: string, name: string) => {
    const target = path.join(of.scratch, name, place)
    await copyLedger(from, target)
    return { ledger: of.stack.use(openLedgerFile(target, server)), target }
  }
  const backup =
    copy === undefined ? undefined : await open(path.join(of.backup, copy.path), 'backup')
  let disk: LedgerFile | undefined
  if (existsSync(file)) refuseHeldLedger(file)
  if (existsSync(file) && !(of.withLedgers && backup !== undefined)) {
    disk = (await open(file, 'disk')).ledger
  }
  const account = (disk ?? backup?.ledger)?.head.account ?? path.basename(place, '.sqlite')
  const fault = disk === undefined ? missing(of.withLedgers) : faultOf(disk, of.known, copy)
  if (disk !== undefined && fault === undefined) {
    const choice = { account, server, file, staged: undefined, lost: undefined }
    return { ...choice, from: 'disk', readable: [disk] }
  }
  const readable = [backup?.ledger, disk].filter((one) => one !== undefined)
  return {
    account,
    server,
    file,
    // Without a copy the one on disk stays: its server says LEDGER_BEHIND until it is adopted.
    from: backup !== undefined ? 'backup' : disk === undefined ? 'none' : 'disk',
    readable,
    staged: backup?.target,
    lost: fault,
  }
}

const missing = (withLedgers: boolean): string =>
  withLedgers ? 'restored with its ledger' : 'its ledger was missing on this machine'

/** Why the ledger on disk does not continue what record and backup know; nothing when it does. */
function faultOf(
  { head }: LedgerFile,
  known: Known,
  copy: BackupLedger | undefined,
): string | undefined {
  const boots = new Set(head.boots.map(({ boot }) => boot))
  if (copy !== undefined && copy.ledger_id !== head.ledgerId) {
    return 'the ledger on this machine is another one than the backup has'
  }
  if (copy !== undefined && (copy.seq > head.seq || !boots.has(copy.boot))) {
    return "the ledger on this machine is older than the backup's"
  }
  const record = known.get(head.account)
  const lacks = record?.boots.find((boot) => !boots.has(boot))
  if (lacks !== undefined) return `the ledger on this machine lacks the boot ${lacks}`
  if (record !== undefined && record.highestSeq > head.seq) {
    return 'the ledger on this machine is older than what the record knows of it'
  }
  return undefined
}
