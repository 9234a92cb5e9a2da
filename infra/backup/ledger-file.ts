import { DatabaseSync } from 'node:sqlite'

import { Mode } from '@chimera/contracts/goal'
import { ReceiptState } from '@chimera/contracts/grant'
import { z } from 'zod'

import type { HeldRound } from '../database/backup/hold-slots.ts'
import type { LedgerHead, LedgerWord } from '../database/backup/ledger-word.ts'

/**
 * What is read of a ledger's tables (`mcp-tools/kit/ledger/ledger-schema.ts`, which this floor may
 * not import): only of copies, or of files that nobody holds.
 */
const Head = z.object({ ledger_id: z.uuid(), account: z.string(), seq: z.int().nonnegative() })
const Boot = z.object({ boot: z.uuid(), started_ms: z.int() })
const Fence = z.object({ scope: z.string(), epoch: z.int(), stopped: z.literal([0, 1]) })
const KillEpoch = z.object({ scope: z.string(), epoch: z.int() })
const KillLevelRow = z.object({ level: z.int() })
const Count = z.object({ n: z.int() })
const Scope = z.object({
  tenant: z.uuid().optional(),
  agent: z.string().optional(),
  campaign: z.string().optional(),
  goal: z.string().optional(),
  task: z.uuid().optional(),
  slot: z.string().optional(),
})
const Args = z.record(z.string(), z.unknown())
const Row = z.object({
  effect_key: z.string(),
  round: z.int(),
  grant_id: z.string(),
  args_hash: z.string(),
  tool: z.string(),
  mode: Mode,
  scope: z.string(),
  boot: z.string(),
  state: z.enum(['CLAIMED', ...ReceiptState.options]),
  code: z.string().nullable(),
  detail: z.string().nullable(),
  simulated: z.int(),
  args: z.string().nullable(),
  cost_usd_micros: z.string().nullable(),
  claimed_ms: z.int().nullable(),
  settled_ms: z.int().nullable(),
  provider_ref: z.string().nullable(),
  url: z.string().nullable(),
  retry_after_ms: z.int().nullable(),
  seq: z.int(),
})

/** A ledger that nobody holds, opened for reading or, before it is put in place, for writing. */
export type LedgerFile = Disposable & {
  readonly head: LedgerHead
  readonly entries: number
  /** By effect key and round. */
  words(): Generator<LedgerWord>
  /** Writes rounds that only a person can settle, so that the account's server knows them, too. */
  hold(rounds: readonly HeldRound[], incarnation: string): void
}

/**
 * Opens a ledger file and plays its write-ahead log back into it. Throws when it is no ledger.
 * `server` is the tool server's name.
 */
export function openLedgerFile(file: string, server: string): LedgerFile {
  const database = new DatabaseSync(file, { timeout: 1_000 })
  try {
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL')
    const head = readHead(database, server)
    const table = tableOf(database)
    const entries = Count.parse(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()).n
    return {
      head,
      entries,
      *words() {
        const rows = database.prepare(`SELECT * FROM ${table} ORDER BY effect_key, round`).iterate()
        for (const row of rows) yield wordOf(Row.parse(row))
      },
      hold: (rounds, incarnation) => hold(database, { head, rounds, incarnation }),
      [Symbol.dispose]: () => database.close(),
    }
  } catch (error) {
    database.close()
    throw error
  }
}

/** Archived entries as well, in a ledger that is new enough to have any. */
function tableOf(database: DatabaseSync): 'all_entries' | 'entries' {
  const view = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'all_entries'").get()
  return view === undefined ? 'entries' : 'all_entries'
}

function readHead(database: DatabaseSync, server: string): LedgerHead {
  const head = Head.parse(database.prepare('SELECT * FROM ledger').get())
  const boots = database
    .prepare('SELECT boot, started_ms FROM boots ORDER BY ordinal')
    .all()
    .map((row) => Boot.parse(row))
  const fences = database
    .prepare('SELECT scope, epoch, stopped FROM fences')
    .all()
    .map((row) => Fence.parse(row))
  return {
    account: head.account,
    server,
    ledgerId: head.ledger_id,
    boot: Boot.parse(boots.at(-1)).boot,
    seq: head.seq,
    boots: boots.map((row) => ({ boot: row.boot, startedAt: iso(row.started_ms) })),
    fences: fences.map((row) => ({ ...row, stopped: row.stopped === 1 })),
    kill: readKill(database),
  }
}

/** An older layout has the level of everything alone, and one before it none. */
function readKill(database: DatabaseSync): Record<string, number> {
  if (hasTable(database, 'kill_steps')) {
    const steps = database.prepare(
      'SELECT scope, max(epoch) AS epoch FROM kill_steps GROUP BY scope',
    )
    const rows = steps.all().map((row) => KillEpoch.parse(row))
    return Object.fromEntries(rows.map(({ scope, epoch }) => [scope, epoch]))
  }
  if (!hasTable(database, 'kill_levels')) return {}
  const row = database.prepare('SELECT level FROM kill_levels ORDER BY n DESC LIMIT 1').get()
  return row === undefined ? {} : { everything: KillLevelRow.parse(row).level }
}

const hasTable = (database: DatabaseSync, name: string): boolean =>
  database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined

const iso = (ms: number): string => new Date(ms).toISOString()

function wordOf(row: z.infer<typeof Row>): LedgerWord {
  const isInHand = row.state === 'CLAIMED'
  return {
    effectKey: row.effect_key,
    round: row.round,
    grantId: row.grant_id,
    argsHash: row.args_hash,
    tool: row.tool,
    mode: row.mode,
    scope: Scope.parse(JSON.parse(row.scope)),
    boot: row.boot,
    state: row.state === 'CLAIMED' ? 'UNKNOWN' : row.state,
    code: isInHand ? 'OUTCOME_UNKNOWN' : row.code,
    detail: isInHand ? 'The tool server died between the claim and its outcome.' : row.detail,
    isSimulated: row.simulated === 1,
    args: row.args === null ? null : Args.parse(JSON.parse(row.args)),
    costUsdMicros: row.cost_usd_micros,
    claimedAt: row.claimed_ms === null ? null : iso(row.claimed_ms),
    settledAt: row.settled_ms === null ? null : iso(row.settled_ms),
    providerRef: row.provider_ref,
    url: row.url,
    retryAfterMs: row.retry_after_ms,
    seq: row.seq,
  }
}

function hold(
  database: DatabaseSync,
  of: { head: LedgerHead; rounds: readonly HeldRound[]; incarnation: string },
): void {
  const { head, rounds, incarnation } = of
  const seq = head.seq + 1
  const detail = 'Record and ledger were both restored: only the provider knows what happened.'
  // What was in hand is unknown first: the ledger's own guard lets nothing skip that.
  const moves = ['CLAIMED UNKNOWN', 'UNKNOWN NEEDS_HUMAN'].map((move) => {
    const [from = '', to = ''] = move.split(' ')
    return { from, to }
  })
  const update = database.prepare(
    `UPDATE entries SET state = ?, code = 'RECORD_BEHIND', detail = ?, seq = ?
      WHERE grant_id = ? AND state = ?`,
  )
  const find = database.prepare(`SELECT 1 FROM ${tableOf(database)} WHERE grant_id = ?`)
  const insert = database.prepare(`
    INSERT INTO entries (effect_key, round, grant_id, args_hash, account, tool, mode, scope, boot,
      incarnation, state, code, detail, simulated, args, seq)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'NEEDS_HUMAN', 'RECORD_BEHIND', ?, 0, ?, ?)`)
  database.exec('BEGIN IMMEDIATE')
  for (const round of rounds) {
    if (find.get(round.grantId) !== undefined) {
      for (const { from, to } of moves) update.run(to, detail, seq, round.grantId, from)
      continue
    }
    insert.run(
      round.effectKey,
      round.round,
      round.grantId,
      round.argsHash,
      head.account,
      round.tool,
      round.mode,
      JSON.stringify(round.scope),
      head.boot,
      incarnation,
      detail,
      JSON.stringify(round.args),
      seq,
    )
  }
  database.prepare('UPDATE ledger SET seq = ?').run(seq)
  database.exec('COMMIT')
}
