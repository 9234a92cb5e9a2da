import { appendAudit, draftAudit } from '../append-audit.ts'
import { type Database, write } from '../open-database.ts'
import { findSweptPage, type FoundKey, type SweepPage } from '../sweeps/read-swept.ts'
import { tenantsIn } from '../tenant-database.ts'
import type { BudgetLine, CounterState } from './budget-line.ts'
import { noteBudgets } from './note-budgets.ts'
import { reservationsOf, reserveBudgets } from './reserve-budgets.ts'
import { settleBudgets, wakeUnrung } from './settle-budgets.ts'

/** A call of a model that is about to be made, at the most that it can cost. */
export type ModelCall = {
  /** Of the call; the same id is not reserved twice. */
  readonly id: string
  readonly tenantId: string
  readonly agentId: string
  readonly campaignId: string | null
  /** The goal that it is made for, with its cap in micros; null for what no goal asked for. */
  readonly goal: {
    readonly id: string
    readonly mode: 'paper' | 'live'
    readonly maxCostUsdMicros: bigint
  } | null
  readonly model: string
  readonly usdMicros: bigint
  readonly tokens: bigint
  /** Whoever makes the call settles it before this is over; else all of it counts as spent. */
  readonly leaseMs: number
  readonly actor: string
}

/**
 * Reserves a call of a model before it is made. Answers the counter that was too full, and then the
 * call must not be made. Models cost real money in every mode; only the counter of the goal keeps
 * the goal's mode, so that its effects and its calls share one cap.
 */
export async function reserveModelCall(
  database: Database,
  call: ModelCall,
): Promise<CounterState | undefined> {
  const audit = draftAudit()
  return database.transaction(async (tx) => {
    const lines = linesOf(call)
    const { refused, notices } = await reserveBudgets(tx, [{ key: call.id, lines }])
    noteBudgets(audit, notices)
    await appendAudit(tx, audit, call.actor)
    const counter = refused.get(call.id)
    if (counter !== undefined) return counter
    // With the commit in one packet: what was granted is written, or nothing is.
    await write(tx, {
      name: 'insert-model-spend',
      text: `INSERT INTO model_spends (id, tenant_id, goal_id, agent_id, campaign_id, model,
          usd_micros, tokens, lease_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::float8 * interval '1 millisecond')`,
      values: [
        call.id,
        call.tenantId,
        call.goal?.id ?? null,
        call.agentId,
        call.campaignId,
        call.model,
        call.usdMicros.toString(),
        call.tokens.toString(),
        call.leaseMs,
      ],
    })
    const held = lines.map((line) => ({ ...line, spendId: call.id }))
    if (held.length > 0) await write(tx, reservationsOf(held))
    return undefined
  })
}

function linesOf({ tenantId, agentId, campaignId, goal, usdMicros, tokens }: ModelCall) {
  const costs = [
    { asset: 'USD', amount: usdMicros },
    { asset: 'MODELUSD', amount: usdMicros },
    { asset: 'TOKENS', amount: tokens },
  ].filter(({ amount }) => amount > 0n)
  return costs.flatMap((cost): BudgetLine[] => {
    const day = { ...cost, tenantId, mode: 'live', per: 'day', own: null } as const
    const own = cost.asset === 'USD' ? (goal?.maxCostUsdMicros ?? null) : null
    return [
      ...(goal === null
        ? []
        : [
            { ...day, mode: goal.mode, scope: 'goal', scopeId: goal.id, per: 'ever', own } as const,
          ]),
      ...(campaignId === null ? [] : [{ ...day, scope: 'campaign', scopeId: campaignId } as const]),
      { ...day, scope: 'agent', scopeId: agentId },
      { ...day, scope: 'tenant', scopeId: tenantId },
    ]
  })
}

/**
 * Settles a call by what it really cost. Answers false when it was settled before: by an earlier
 * answer, or in full because its lease ran out; that stays.
 */
export async function settleModelCall(
  database: Database,
  of: { id: string; usdMicros: bigint; tokens: bigint },
): Promise<boolean> {
  return database.transaction(async (tx) => {
    // Neither waits for the other: what is settled already no second settling changes.
    const [rows, freed] = await Promise.all([
      tx.query({
        name: 'end-model-spend',
        text: `UPDATE model_spends SET settled_at = now(), ended = 'answered'
          WHERE id = $1 AND settled_at IS NULL RETURNING id`,
        values: [of.id],
      }),
      settleBudgets(tx, [
        { holderId: of.id, asset: 'TOKENS', spent: of.tokens },
        { holderId: of.id, asset: null, spent: of.usdMicros },
      ]),
    ])
    await wakeUnrung(tx, freed)
    return rows.length > 0
  })
}

/** Of a call that is known by its id: written for the same reason as `inState`. */
const IS_UNSETTLED = "coalesce(settled_at, 'infinity') = 'infinity'"

/**
 * Settles in full a page of what nobody came back for; answers how many calls that were, and where
 * the next page begins.
 */
export async function settleLapsedCalls(
  database: Database,
  of: SweepPage,
): Promise<{ lapsed: number; after: FoundKey | null }> {
  const { found, after } = await findSweptPage(database, { ...of, by: 'calls_lapsed' })
  if (found.length === 0) return { lapsed: 0, after }
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ id: string }>({
      name: 'end-lapsed-calls',
      text: `UPDATE model_spends SET settled_at = now(), ended = 'lapsed'
        WHERE id IN (SELECT id FROM model_spends WHERE id = ANY($1::uuid[])
          AND ${IS_UNSETTLED} AND lease_until < now()
          ORDER BY lease_until FOR UPDATE SKIP LOCKED) RETURNING id`,
      values: [found.map(({ id }) => id)],
    })
    const lines = rows.map(({ id }) => ({ holderId: id, asset: null, spent: null }))
    await wakeUnrung(tx, await settleBudgets(tx, lines))
    return { lapsed: rows.length, after }
  }, tenantsIn(found))
}
