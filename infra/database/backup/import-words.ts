import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'
import type { LedgerHead, LedgerWord, RecordedRound } from './ledger-word.ts'
import { placeWord } from './place-word.ts'
import { endRound, makeRound, writeState } from './write-rounds.ts'

/** What an import did, in numbers, and what it could not reconcile. */
export type Imported = {
  entries: number
  /** The record said so already, or knew better. */
  same: number
  /** Rows that took the ledger's state. */
  settled: number
  /** Rows that took over the grant which holds their slot. */
  adopted: number
  /** Rows that were made. */
  made: number
  /** Effects of outside clients, which the record does not keep. */
  clients: number
  differs: { effect_key: string; round: number; grant_id: string; why: string }[]
}

/** Slots per transaction. */
const PAGE = 200
/** A report names so many; the count is whole. */
const MAX_DIFFERS = 1_000
const ACTOR = 'restore'

/**
 * Imports what a ledger knows, by effect key and round. Repeating it changes nothing more. `words`
 * have to be in the order of their effect keys and, within one, of their rounds.
 */
export async function importWords(of: {
  database: Database
  ledger: LedgerHead
  words: Iterable<LedgerWord>
}): Promise<Imported> {
  const sum: Imported = {
    entries: 0,
    same: 0,
    settled: 0,
    adopted: 0,
    made: 0,
    clients: 0,
    differs: [],
  }
  for (const page of pages(of.words)) {
    await of.database.transaction(async (tx) => {
      await tx.query({ text: `SET LOCAL chimera.restoring = 'on'` })
      const audit = draftAudit()
      for (const words of page) await importSlot(tx, { ...of, words, audit, sum })
      await appendAudit(tx, audit, ACTOR)
    })
  }
  return sum
}

function* pages(words: Iterable<LedgerWord>): Generator<LedgerWord[][]> {
  let page: LedgerWord[][] = []
  for (const word of words) {
    const last = page.at(-1)
    if (last?.[0]?.effectKey === word.effectKey) {
      last.push(word)
      continue
    }
    if (page.length === PAGE) {
      yield page
      page = []
    }
    page.push([word])
  }
  if (page.length > 0) yield page
}

type Importing = {
  readonly ledger: LedgerHead
  readonly audit: AuditDraft
  readonly sum: Imported
}

async function importSlot(
  tx: Sql,
  of: Importing & { words: readonly LedgerWord[] },
): Promise<void> {
  const key = of.words[0]?.effectKey ?? ''
  const rows = await tx.query<RecordedRound>({
    name: 'restore-rounds',
    text: `SELECT id, tenant_id AS "tenantId", round, grant_id AS "grantId", state,
        receipt_state AS "receiptState"
      FROM effects WHERE effect_key = $1 ORDER BY round`,
    values: [key],
  })
  for (const word of of.words) {
    of.sum.entries += 1
    await importWord(tx, { ...of, word, rows })
  }
}

async function importWord(
  tx: Sql,
  of: Importing & { word: LedgerWord; rows: RecordedRound[] },
): Promise<void> {
  const { word, rows, sum } = of
  const complain = (why: string) => note(sum, word, why)
  const placing = placeWord(word, rows)
  switch (placing.kind) {
    case 'same':
      sum.same += 1
      return
    case 'differs':
      note(sum, word, placing.why)
      return
    case 'settle':
    case 'adopt': {
      const state = await writeState(tx, {
        ...of,
        complain,
        row: placing.row,
        isAdopted: placing.kind === 'adopt',
      })
      replace(rows, { ...placing.row, grantId: word.grantId, state, receiptState: word.state })
      sum[placing.kind === 'settle' ? 'settled' : 'adopted'] += 1
      return
    }
    case 'make': {
      for (const row of placing.over) {
        await endRound(tx, row, of.audit)
        replace(rows, { ...row, state: 'EXPIRED', receiptState: 'VOID' })
      }
      const made = await makeRound(tx, { ...of, complain, round: placing.round })
      if (made === undefined) sum.clients += 1
      else {
        rows.push(made)
        sum.made += 1
      }
    }
  }
}

function note(sum: Imported, word: LedgerWord, why: string): void {
  if (sum.differs.length >= MAX_DIFFERS) return
  const { effectKey, round, grantId } = word
  const said = `${why}, ${word.state} in the ledger`
  sum.differs.push({ effect_key: effectKey, round, grant_id: grantId, why: said })
}

function replace(rows: RecordedRound[], row: RecordedRound): void {
  const at = rows.findIndex(({ id }) => id === row.id)
  if (at >= 0) rows[at] = row
}
