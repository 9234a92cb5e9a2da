import type { Sql, Statement } from '../open-database.ts'
import type { BudgetLine, BudgetScope, CounterState } from './budget-line.ts'

/** What one task or call needs, in all its counters: all of it, or nothing. */
export type BudgetRequest<Line extends BudgetLine = BudgetLine> = {
  /** The caller's own name for it. */
  readonly key: string
  readonly lines: readonly Line[]
}

/** What came of reserving. */
export type Reserved = {
  /** Requests that got nothing, with the first counter that was too full. */
  readonly refused: ReadonlyMap<string, CounterState>
  /** Counters that came to 80 % of their cap, or refused something for the first time. */
  readonly notices: readonly (CounterState & { readonly kind: 'warned' | 'exhausted' })[]
}

type Row = {
  kind: 'granted' | 'refused' | 'warned' | 'exhausted'
  request: number
  tenant_id: string
  scope: BudgetScope
  scope_id: string
  mode: 'paper' | 'live'
  asset: string
  is_ever: boolean
  cap: string
  used: string
  amount: string
}

/**
 * Reserves in order, in one statement, inside the caller's transaction: spent + reserved never
 * grows past a cap, whatever races. A request without lines costs nothing and is granted without
 * touching a row.
 */
export async function reserveBudgets(
  tx: Sql,
  requests: readonly BudgetRequest[],
): Promise<Reserved> {
  const lines = requests.flatMap((request, number) =>
    request.lines.map((line) => ({ ...line, number })),
  )
  if (lines.length === 0) return { refused: new Map(), notices: [] }
  const rows = await tx.query<Row>({
    name: 'reserve-budgets',
    text: `SELECT kind, request, tenant_id, scope, scope_id, mode, asset, day = 'epoch' AS is_ever,
        cap, used, amount
      FROM budget_reserve($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::numeric[], $9::numeric[])`,
    values: [
      lines.map((line) => line.number),
      lines.map((line) => line.tenantId),
      lines.map((line) => line.scope),
      lines.map((line) => line.scopeId),
      lines.map((line) => line.mode),
      lines.map((line) => line.asset),
      lines.map((line) => line.per),
      lines.map((line) => line.amount.toString()),
      lines.map((line) => line.own?.toString() ?? null),
    ],
  })
  const refused = new Map<string, CounterState>()
  const notices: Reserved['notices'][number][] = []
  const granted = new Set(rows.flatMap(({ kind, request }) => (kind === 'granted' ? request : [])))
  for (const row of rows) {
    const request = requests[row.request]
    if (row.kind === 'warned' || row.kind === 'exhausted') {
      notices.push({ ...stateOf(row), kind: row.kind })
    }
    if (row.kind !== 'refused' || request === undefined || granted.has(row.request)) continue
    refused.set(request.key, stateOf(row))
  }
  return { refused, notices }
}

const stateOf = (row: Row): CounterState => ({
  tenantId: row.tenant_id,
  scope: row.scope,
  scopeId: row.scope_id,
  mode: row.mode,
  asset: row.asset,
  per: row.is_ever ? 'ever' : 'day',
  cap: BigInt(row.cap),
  used: BigInt(row.used),
  asked: BigInt(row.amount),
})

/** A line and what holds it: an effect, or a call of a model. */
export type HeldLine = BudgetLine & ({ readonly effectId: string } | { readonly spendId: string })

/**
 * Writes down what each granted effect or call holds; after its own row exists, in the transaction
 * that reserved: the day is that transaction's.
 */
export async function recordReservations(tx: Sql, lines: readonly HeldLine[]): Promise<void> {
  if (lines.length > 0) await tx.query(reservationsOf(lines))
}

/** The same as a statement, for whoever does not wait for its answer. */
export const reservationsOf = (lines: readonly HeldLine[]): Statement => ({
  name: 'record-reservations',
  text: `INSERT INTO budget_reservations
      (holder_id, effect_id, spend_id, tenant_id, scope, scope_id, mode, asset, day, amount)
    SELECT coalesce(e, s), e, s, tenant_id, scope, scope_id, mode, asset,
      CASE WHEN per = 'day' THEN (now() AT TIME ZONE 'UTC')::date ELSE 'epoch' END, amount
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
      $7::text[], $8::text[], $9::numeric[])
      AS l(e, s, tenant_id, scope, scope_id, mode, asset, per, amount)`,
  values: [
    lines.map((line) => ('effectId' in line ? line.effectId : null)),
    lines.map((line) => ('spendId' in line ? line.spendId : null)),
    lines.map((line) => line.tenantId),
    lines.map((line) => line.scope),
    lines.map((line) => line.scopeId),
    lines.map((line) => line.mode),
    lines.map((line) => line.asset),
    lines.map((line) => line.per),
    lines.map((line) => line.amount.toString()),
  ],
})
