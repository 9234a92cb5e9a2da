import {
  DeniedError,
  InvariantError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { newId, Uuid } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'
import {
  settlementOf,
  SETTLEMENT_COLUMNS,
  type SettlementRow,
  type SettlementView,
} from './settlement.ts'

export type SettlementRequest = {
  readonly tenantId: string
  /** The effect by its id, its grant, or its effect key (then the newest round). */
  readonly reference: string
  readonly outcome: 'happened' | 'did_not_happen'
  readonly providerRef: string | null
  readonly reason: string
  readonly actor: string
}

/**
 * Writes down what a person says of an effect; the Judge, the Keeper and the tool server carry it
 * on. The same words while they are under way make no second row. Throws EFFECT_NOT_FOUND,
 * SETTLE_REFUSED for an effect that is not open or a reference that proves another one, IN_PROGRESS
 * while other words are under way.
 */
export async function requestSettlement(
  database: Database,
  of: SettlementRequest,
): Promise<{
  effectId: string
  settlement: SettlementView
  audit: ReturnType<AuditDraft['items']>
}> {
  return database.transaction(async (tx) => {
    const effect = await lockEffect(tx, of)
    const underWay = await findOpen(tx, effect.id)
    if (underWay !== undefined) {
      if (!isSame(underWay, of)) {
        throw new RetryableError('IN_PROGRESS', 'Other words on this effect are under way.')
      }
      return { effectId: effect.id, settlement: underWay, audit: [] }
    }
    await refuse(tx, effect, of)
    const [row] = await tx.query<SettlementRow>({
      text: `INSERT INTO effect_settlements (id, effect_id, outcome, provider_ref, reason, actor)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${SETTLEMENT_COLUMNS}`,
      values: [newId(), effect.id, of.outcome, of.providerRef, of.reason, of.actor],
    })
    if (row === undefined) throw new InvariantError('The settlement was not written.')
    const draft = draftAudit()
    draft.add(of.tenantId, {
      subject: 'effect',
      id: effect.id,
      attempt: effect.round,
      from: effect.state,
      to: 'SETTLING',
      note: [of.outcome, of.providerRef, of.reason].filter(Boolean).join(' ').slice(0, 500),
    })
    await appendAudit(tx, draft, of.actor)
    return { effectId: effect.id, settlement: settlementOf(row), audit: draft.items() }
  })
}

type Effect = { id: string; state: string; round: number; account: string | null }

async function lockEffect(tx: Sql, { tenantId, reference }: SettlementRequest): Promise<Effect> {
  const [effect] = await tx.query<Effect>({
    text: `SELECT id, state, round, account FROM effects
      WHERE tenant_id = $1 AND (id = $2::uuid OR grant_id = $2::uuid OR effect_key = $3)
      ORDER BY round DESC LIMIT 1 FOR UPDATE`,
    values: [tenantId, Uuid.safeParse(reference).data ?? null, reference],
  })
  if (effect === undefined) {
    const quoted = JSON.stringify(reference.slice(0, 128))
    throw new TerminalError('EFFECT_NOT_FOUND', `There is no effect ${quoted}.`)
  }
  return effect
}

async function findOpen(tx: Sql, effectId: string): Promise<SettlementView | undefined> {
  const [row] = await tx.query<SettlementRow>({
    text: `SELECT ${SETTLEMENT_COLUMNS} FROM effect_settlements
      WHERE effect_id = $1 AND done_at IS NULL`,
    values: [effectId],
  })
  return row === undefined ? undefined : settlementOf(row)
}

const isSame = (one: SettlementView, other: SettlementRequest): boolean =>
  one.outcome === other.outcome && one.provider_ref === other.providerRef

/** What cannot be signed anyway; the Judge and the tool server have their own rules. */
async function refuse(tx: Sql, effect: Effect, { providerRef }: SettlementRequest): Promise<void> {
  if (effect.state !== 'NEEDS_HUMAN' && effect.state !== 'UNKNOWN') {
    throw new DeniedError(
      'SETTLE_REFUSED',
      `The effect is ${effect.state}; only NEEDS_HUMAN and UNKNOWN are settled by a person.`,
    )
  }
  if (providerRef === null) return
  const bound = await tx.query({
    text: 'SELECT FROM effects WHERE account = $1 AND provider_ref = $2 AND id <> $3',
    values: [effect.account, providerRef, effect.id],
  })
  if (bound.length === 0) return
  throw new DeniedError('SETTLE_REFUSED', `${providerRef} proves another effect already.`)
}
