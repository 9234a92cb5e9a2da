import {
  DeniedError,
  InvariantError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { newId, Uuid } from '@chimera/contracts/ids'
import { isToolName, TOOLS } from '@chimera/contracts/tools'

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
 * on. The same words of the same person while they are under way make no second row; those of
 * another one do, and money waits for them. Whoever contradicts words that nobody has signed yet
 * ends them. Throws EFFECT_NOT_FOUND,
 * SETTLE_REFUSED for an effect that is not open or a reference that proves another one, IN_PROGRESS
 * while other words are under way.
 */
export async function requestSettlement(
  database: Database,
  of: SettlementRequest,
): Promise<{
  effectId: string
  settlement: SettlementView
  /** What others said before, the same: it may be signed now. */
  also: readonly string[]
  audit: ReturnType<AuditDraft['items']>
}> {
  return database.transaction(async (tx) => {
    const effect = await lockEffect(tx, of)
    const underWay = await findOpen(tx, effect.id)
    const own = underWay.find((one) => isSame(one, of) && one.actor === of.actor)
    if (own !== undefined) return { effectId: effect.id, settlement: own, also: [], audit: [] }
    const isMoney = !isToolName(effect.tool) || TOOLS[effect.tool].money
    const said = underWay.find((one) => isSame(one, of))
    if (said !== undefined && !isMoney) {
      return { effectId: effect.id, settlement: said, also: [], audit: [] }
    }
    const others = underWay.filter((one) => !isSame(one, of))
    if (others.length > 0) await contradict(tx, { others, isMoney, of })
    await refuse(tx, effect, of)
    const [row] = await tx.query<SettlementRow>({
      text: `INSERT INTO effect_settlements (id, effect_id, outcome, provider_ref, reason, actor)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${SETTLEMENT_COLUMNS}`,
      values: [newId(), effect.id, of.outcome, of.providerRef, of.reason, of.actor],
    })
    if (row === undefined) throw new InvariantError('The settlement was not written.')
    const draft = draftAudit()
    const item = {
      subject: 'effect' as const,
      id: effect.id,
      attempt: effect.round,
      from: effect.state,
      to: 'SETTLING',
      note: [of.outcome, of.providerRef, of.reason].filter(Boolean).join(' ').slice(0, 500),
    }
    draft.add(of.tenantId, item, effect.goal_id)
    await appendAudit(tx, draft, of.actor)
    const also = underWay.filter((one) => isSame(one, of)).map(({ id }) => id)
    return { effectId: effect.id, settlement: settlementOf(row), also, audit: draft.items() }
  })
}

type Effect = {
  id: string
  goal_id: string
  state: string
  round: number
  tool: string
  account: string | null
}

async function lockEffect(tx: Sql, { tenantId, reference }: SettlementRequest): Promise<Effect> {
  const [effect] = await tx.query<Effect>({
    text: `SELECT id, goal_id, state, round, tool, account FROM effects
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

async function findOpen(tx: Sql, effectId: string): Promise<SettlementView[]> {
  const rows = await tx.query<SettlementRow>({
    text: `SELECT ${SETTLEMENT_COLUMNS} FROM effect_settlements
      WHERE effect_id = $1 AND done_at IS NULL ORDER BY requested_at, id`,
    values: [effectId],
  })
  return rows.map(settlementOf)
}

/** People who disagree about money settle nothing; words that are signed may be on their way. */
async function contradict(
  tx: Sql,
  {
    others,
    isMoney,
    of,
  }: { others: readonly SettlementView[]; isMoney: boolean; of: SettlementRequest },
): Promise<void> {
  if (!isMoney || others.some(({ state }) => state !== 'waiting')) {
    throw new RetryableError('IN_PROGRESS', 'Other words on this effect are under way.')
  }
  await tx.query({
    text: `UPDATE effect_settlements SET done_at = now(), refused = $2
      WHERE id = ANY($1::uuid[]) AND done_at IS NULL`,
    values: [others.map(({ id }) => id), `Contradicted by ${of.actor}.`],
  })
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
