import type { EffectState } from '@chimera/contracts/effect'
import type { ReceiptClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** An effect that moves because of a verified receipt. */
export type EffectMoveRow = {
  readonly effectId: string
  readonly tenantId: string
  readonly goalId: string
  readonly versionId: string
  readonly from: EffectState
  readonly to: EffectState
  readonly code: string | null
  readonly detail: string | null
  readonly providerRef: string | null
  readonly receipt: ReceiptClaims
  readonly jws: string
  /** Set when the row takes over the grant that holds its slot: the grant that it gives up. */
  readonly adoptedFrom: string | null
}

/** Moves effects by compare-and-set inside the caller's transaction; answers who moved. */
export async function settleEffects(
  tx: Sql,
  moves: readonly EffectMoveRow[],
  audit: AuditDraft,
): Promise<Set<string>> {
  if (moves.length === 0) return new Set()
  const sorted = moves.toSorted((a, b) => (a.effectId < b.effectId ? -1 : 1))
  const isOpen = (state: EffectState) => state === 'UNKNOWN' || state === 'NEEDS_HUMAN'
  const rows = await tx.query<{ id: string }>({
    name: 'settle-effects',
    text: `UPDATE effects e SET version_id = u.fresh, state = u.state, code = u.code,
        detail = u.detail, provider_ref = coalesce(u.provider_ref, e.provider_ref),
        receipt_state = u.receipt_state, receipt = u.receipt, receipt_jws = u.jws,
        claimed_at = coalesce(u.claimed_at, e.claimed_at),
        settled_at = CASE WHEN u.open THEN NULL ELSE now() END,
        cancelling = CASE WHEN u.open THEN e.cancelling ELSE false END,
        grant_id = CASE WHEN u.adopted_from IS NULL THEN e.grant_id ELSE u.grant_id END,
        round = CASE WHEN u.adopted_from IS NULL THEN e.round ELSE u.round END,
        args_hash = CASE WHEN u.adopted_from IS NULL THEN e.args_hash ELSE u.args_hash END,
        adopted_from = coalesce(u.adopted_from, e.adopted_from), audit_id = u.audit_id
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::jsonb[], $10::text[], $11::timestamptz[], $12::bool[],
        $13::uuid[], $14::uuid[], $15::uuid[], $16::int[], $17::text[])
        AS u(id, version_id, fresh, state, code, detail, provider_ref, receipt_state, receipt, jws,
          claimed_at, open, audit_id, adopted_from, grant_id, round, args_hash)
      WHERE e.id = u.id AND e.version_id = u.version_id
      RETURNING e.id`,
    values: [
      sorted.map((move) => move.effectId),
      sorted.map((move) => move.versionId),
      sorted.map(() => newId()),
      sorted.map((move) => move.to),
      sorted.map((move) => move.code),
      sorted.map((move) => move.detail),
      sorted.map((move) => move.providerRef),
      sorted.map((move) => move.receipt.state),
      sorted.map((move) => JSON.stringify(move.receipt)),
      sorted.map((move) => move.jws),
      sorted.map((move) => move.receipt.claimed_at ?? null),
      sorted.map((move) => isOpen(move.to)),
      sorted.map((move) => audit.idFor(move.tenantId)),
      sorted.map((move) => move.adoptedFrom),
      sorted.map((move) => move.receipt.grant_id),
      sorted.map((move) => move.receipt.round),
      sorted.map((move) => move.receipt.args_hash),
    ],
  })
  const moved = new Set(rows.map((row) => row.id))
  for (const move of sorted) {
    if (!moved.has(move.effectId)) continue
    const item = {
      subject: 'effect' as const,
      id: move.effectId,
      attempt: move.receipt.round,
      from: move.from,
      to: move.to,
      input: move.receipt.args_hash,
      ...noteOf(move),
    }
    audit.add(move.tenantId, item, move.goalId)
  }
  return moved
}

function noteOf({ code, adoptedFrom }: EffectMoveRow): { note?: string } {
  if (adoptedFrom !== null)
    return { note: `adopted the holder of the slot, instead of ${adoptedFrom}` }
  return code === null ? {} : { note: code }
}

/** Marks receipts as judged, with what became of them; the row stays as evidence. */
export async function markReceipts(
  tx: Sql,
  judged: readonly { id: string; verdict: string }[],
): Promise<void> {
  if (judged.length === 0) return
  await tx.query({
    name: 'mark-receipts',
    text: 'SELECT mark_receipts($1::uuid[], $2::text[])',
    values: [judged.map(({ id }) => id), judged.map(({ verdict }) => verdict)],
  })
}
