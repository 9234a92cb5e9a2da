import type { EffectState } from '@chimera/contracts/effect'
import { newId } from '@chimera/contracts/ids'
import { estimateCost } from '@chimera/contracts/tools'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import { receiptOf, type LedgerHead, type LedgerWord, type RecordedRound } from './ledger-word.ts'
import { makePlace } from './make-place.ts'

type Writing = {
  readonly ledger: LedgerHead
  readonly word: LedgerWord
  readonly audit: AuditDraft
  /** Told what record and ledger cannot both be right about. */
  readonly complain: (why: string) => void
}

const stateOf = (word: LedgerWord): EffectState => (word.state === 'VOID' ? 'EXPIRED' : word.state)
const IS_OPEN = (state: EffectState): boolean => state === 'UNKNOWN' || state === 'NEEDS_HUMAN'

/** A ledger that knows a round by its name only knows no price of it: what it can be, if it was. */
function priceOf(word: LedgerWord): string {
  if (word.costUsdMicros !== null) return word.costUsdMicros
  const isPriced = word.mode !== 'dry' && (IS_OPEN(stateOf(word)) || word.state === 'CONFIRMED')
  return String(isPriced ? estimateCost(word.tool, word.args ?? {}) : 0n)
}

/** A provider's object proves one effect only: a second one that claims it has to be looked at. */
async function isRefTaken(tx: Sql, account: string, word: LedgerWord, id: string | null) {
  if (word.providerRef === null) return false
  const rows = await tx.query({
    text: `SELECT 1 FROM effects WHERE account = $1 AND provider_ref = $2
      AND id IS DISTINCT FROM $3::uuid`,
    values: [account, word.providerRef, id],
  })
  return rows.length > 0
}

/** A row takes the state that its ledger states; adopted, the grant as well. */
export async function writeState(
  tx: Sql,
  of: Writing & { row: RecordedRound; isAdopted: boolean },
): Promise<EffectState> {
  const { word, row, ledger, audit, isAdopted } = of
  const isTaken = await isRefTaken(tx, ledger.account, word, row.id)
  if (isTaken) of.complain(`${word.providerRef} belongs to another effect`)
  const [written] = await tx.query<{ state: EffectState }>({
    name: 'restore-state',
    // What was called off stays called off; only the word of the ledger was missing.
    text: `UPDATE effects e SET version_id = new_version(),
        state = CASE WHEN $2 = 'EXPIRED' AND (e.void_reason IN ('cancelled', 'rejected')
            OR g.status = 'CANCELLED') THEN 'CANCELLED' ELSE $2 END,
        code = $3, detail = $4, provider_ref = coalesce($5, e.provider_ref), receipt_state = $6,
        receipt = $7, receipt_jws = NULL, claimed_at = coalesce($8::timestamptz, e.claimed_at),
        settled_at = CASE WHEN $9 THEN NULL ELSE coalesce($10::timestamptz, now()) END,
        cancelling = CASE WHEN $9 THEN e.cancelling ELSE false END,
        adopted_from = CASE WHEN $11 THEN e.grant_id ELSE e.adopted_from END,
        grant_id = $12, grant_jws = CASE WHEN $11 THEN NULL ELSE e.grant_jws END,
        args_hash = $13, args = CASE WHEN $11 THEN coalesce($14, e.args) ELSE e.args END,
        account = coalesce(e.account, $15), boot = CASE WHEN $11 THEN $16::uuid ELSE e.boot END,
        granted_at = coalesce(e.granted_at, $8::timestamptz, now()),
        grant_expires_at = coalesce(e.grant_expires_at, now()), audit_id = $17
      FROM goals g WHERE e.id = $1 AND g.tenant_id = e.tenant_id AND g.id = e.goal_id
      RETURNING e.state`,
    values: [
      row.id,
      stateOf(word),
      word.code,
      word.detail,
      isTaken ? null : word.providerRef,
      word.state,
      JSON.stringify(receiptOf(word, ledger, Date.now())),
      word.claimedAt,
      IS_OPEN(stateOf(word)),
      word.settledAt,
      isAdopted,
      word.grantId,
      word.argsHash,
      word.args === null ? null : JSON.stringify(word.args),
      ledger.account,
      word.boot,
      audit.idFor(row.tenantId),
    ],
  })
  const state = written?.state ?? stateOf(word)
  audit.add(row.tenantId, {
    subject: 'effect',
    id: row.id,
    attempt: row.round,
    from: row.state,
    to: state,
    input: word.argsHash,
    note: `restore: the ledger's word, seq ${word.seq}${isAdopted ? ', another grant' : ''}`,
  })
  return state
}

/** A later round in the ledger proves that the Judge had seen this one closed. */
export async function endRound(tx: Sql, row: RecordedRound, audit: AuditDraft): Promise<void> {
  await tx.query({
    name: 'restore-round-over',
    text: `UPDATE effects SET state = 'EXPIRED', version_id = new_version(), code = 'SUPERSEDED',
        detail = 'A later round of the ledger proves that this one was closed.',
        receipt_state = CASE WHEN grant_id IS NULL THEN receipt_state ELSE 'VOID' END,
        cancelling = false, settled_at = now(), audit_id = $2
      WHERE id = $1`,
    values: [row.id, audit.idFor(row.tenantId)],
  })
  audit.add(row.tenantId, {
    subject: 'effect',
    id: row.id,
    attempt: row.round,
    from: row.state,
    to: 'EXPIRED',
    note: 'restore: a later round of the ledger',
  })
}

/** A row for a round that only the ledger knows; nothing for an outside client's effect. */
export async function makeRound(
  tx: Sql,
  of: Writing & { round: number },
): Promise<RecordedRound | undefined> {
  const { word, round, ledger, audit } = of
  const place = await makePlace(tx, word, audit)
  if (place === undefined) return undefined
  const isTaken = await isRefTaken(tx, ledger.account, word, null)
  if (isTaken) of.complain(`${word.providerRef} belongs to another effect`)
  const id = newId()
  const state = stateOf(word)
  await tx.query({
    name: 'restore-effect',
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, code, detail,
        cost_usd_micros, grant_id, granted_at, grant_expires_at, boot, receipt_state, receipt,
        provider_ref, claimed_at, settled_at, audit_id)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '{}', $16, $17,
        $18::numeric, $19, coalesce($20::timestamptz, $21, now()),
        coalesce($20::timestamptz, $21, now()), $22, $23, $24, $25, $20,
        CASE WHEN $26 THEN NULL ELSE coalesce($21::timestamptz, now()) END, $27)`,
    values: [
      id,
      place.tenantId,
      place.goalId,
      place.taskId,
      place.attempt,
      place.slot,
      round,
      word.effectKey,
      newId(),
      state,
      word.tool,
      ledger.account,
      word.mode,
      JSON.stringify(word.args ?? {}),
      word.argsHash,
      word.code,
      word.detail,
      priceOf(word),
      word.grantId,
      word.claimedAt,
      word.settledAt,
      word.boot,
      word.state,
      JSON.stringify(receiptOf(word, ledger, Date.now())),
      isTaken ? null : word.providerRef,
      IS_OPEN(state),
      audit.idFor(place.tenantId),
    ],
  })
  audit.add(place.tenantId, {
    subject: 'effect',
    id,
    attempt: round,
    from: null,
    to: state,
    input: word.argsHash,
    note: `restore: made from the ledger, seq ${word.seq}`,
  })
  const { tenantId } = place
  return { id, tenantId, round, grantId: word.grantId, state, receiptState: word.state }
}
