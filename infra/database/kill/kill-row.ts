import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { KILL_LEVELS } from '@chimera/contracts/judging/kill'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** The kill level of a scope, and whose word it is. */
export type KillRow = {
  readonly scope: string
  readonly epoch: number
  readonly level: number
  readonly reason: string
  readonly actor: string
  readonly auto: boolean
  readonly changedAt: Date
}

/** A level that has just been asked for; `audit` is empty when that changed nothing. */
export type MovedKill = KillRow & {
  readonly before: number
  readonly audit: ReturnType<AuditDraft['items']>
}

export type RawKill = {
  scope: string
  epoch: string
  level: number
  reason: string
  actor: string
  auto: boolean
  changed_at: Date
}

export const KILL_COLUMNS = 'scope, epoch, level, reason, actor, auto, changed_at'

export const killOf = (row: RawKill): KillRow => ({
  scope: row.scope,
  epoch: Number(row.epoch),
  level: row.level,
  reason: row.reason,
  actor: row.actor,
  auto: row.auto,
  changedAt: row.changed_at,
})

/** Who says so, and why. */
export type KillWord = {
  readonly reason: string
  readonly actor: string
  readonly auto?: boolean
}

/**
 * Locks the level of a scope until the end of the transaction, and that of everything, which every
 * granting transaction holds: so it waits for those that have begun, and those that come wait for
 * it. A scope that was never raised is at epoch 0.
 */
export async function lockKill(tx: Sql, scope: string): Promise<number> {
  const rows = await tx.query<{ scope: string; epoch: string }>({
    name: 'lock-kill',
    text: `SELECT scope, epoch FROM kill_levels WHERE scope IN ('everything', $1)
      ORDER BY scope FOR UPDATE`,
    values: [scope],
  })
  return Number(rows.find((row) => row.scope === scope)?.epoch ?? 0)
}

/** Writes a level whose row is locked, and its audit entry. */
export async function writeKill(
  tx: Sql,
  of: KillWord & { scope: string; epoch: number; before: number },
): Promise<MovedKill> {
  const [row] = await tx.query<RawKill>({
    name: 'write-kill',
    text: `INSERT INTO kill_levels AS k (scope, epoch, level, reason, actor, auto)
      VALUES ($1, $2::bigint, $2::bigint % 6, $3, $4, $5)
      ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch, level = excluded.level,
        reason = excluded.reason, actor = excluded.actor, auto = excluded.auto, changed_at = now()
      RETURNING ${KILL_COLUMNS}`,
    values: [of.scope, of.epoch, of.reason, of.actor, of.auto ?? false],
  })
  if (row === undefined) throw new Error('The kill level was not written.')
  const kill = killOf(row)
  const draft = draftAudit()
  // Of the house, as a stop is: a ledger may know a tenant that a restored record does not.
  draft.add(DEFAULT_TENANT, {
    subject: 'kill',
    id: kill.scope,
    from: nameOf(of.before),
    to: nameOf(kill.level),
    auto: kill.auto,
    note: `level ${kill.level}, epoch ${kill.epoch}: ${kill.reason}`.slice(0, 500),
  })
  await appendAudit(tx, draft, kill.actor)
  return { ...kill, before: of.before, audit: draft.items() }
}

const nameOf = (level: number): string => KILL_LEVELS[level] ?? String(level)
