import type { Sql } from '../open-database.ts'

/**
 * What one effect needs in one counter. `day` is a UTC date, or `epoch` for a cap that never
 * renews.
 */
export type BudgetLine = {
  tenantId: string
  scope: 'tenant' | 'agent' | 'campaign' | 'goal'
  scopeId: string
  asset: string
  day: string
  amount: bigint
  /** The cap that a counter is born with. */
  cap: bigint
}

/** An effect and the counters it needs: all of them, or it gets none. */
export type BudgetRequest = { effectId: string; lines: readonly BudgetLine[] }

/**
 * Reserves in order, in one statement, inside the caller's transaction: spent + reserved never
 * exceeds a cap, whatever races. Answers the effects that got it. A request without lines costs
 * nothing and is granted without touching a row.
 */
export async function reserveBudgets(
  tx: Sql,
  requests: readonly BudgetRequest[],
): Promise<Set<string>> {
  const granted = new Set(
    requests.filter(({ lines }) => lines.length === 0).map(({ effectId }) => effectId),
  )
  const priced = requests.filter(({ lines }) => lines.length > 0)
  const lines = priced.flatMap((request, number) =>
    request.lines.map((line) => ({ ...line, number })),
  )
  if (lines.length === 0) return granted
  const rows = await tx.query<{ budget_reserve: number }>({
    name: 'reserve-budgets',
    text: `SELECT budget_reserve($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[],
      $6::date[], $7::numeric[], $8::numeric[])`,
    values: [
      lines.map((line) => line.number),
      lines.map((line) => line.tenantId),
      lines.map((line) => line.scope),
      lines.map((line) => line.scopeId),
      lines.map((line) => line.asset),
      lines.map((line) => line.day),
      lines.map((line) => line.amount.toString()),
      lines.map((line) => line.cap.toString()),
    ],
  })
  for (const { budget_reserve: number } of rows) {
    const request = priced[number]
    if (request !== undefined) granted.add(request.effectId)
  }
  return granted
}

/** Writes down what each granted effect holds; after its effect row exists. */
export async function recordReservations(
  tx: Sql,
  requests: readonly BudgetRequest[],
): Promise<void> {
  const lines = requests.flatMap(({ effectId, lines: of }) =>
    of.map((line) => ({ ...line, effectId })),
  )
  if (lines.length === 0) return
  await tx.query({
    name: 'record-reservations',
    text: `INSERT INTO budget_reservations
        (effect_id, tenant_id, scope, scope_id, asset, day, amount)
      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::date[],
        $7::numeric[])`,
    values: [
      lines.map((line) => line.effectId),
      lines.map((line) => line.tenantId),
      lines.map((line) => line.scope),
      lines.map((line) => line.scopeId),
      lines.map((line) => line.asset),
      lines.map((line) => line.day),
      lines.map((line) => line.amount.toString()),
    ],
  })
}

/**
 * Settles on receipts: what was spent stays spent, the rest is free again. Twice changes nothing.
 */
export async function settleBudgets(
  tx: Sql,
  settled: readonly { effectId: string; spent: bigint }[],
): Promise<void> {
  if (settled.length === 0) return
  await tx.query({
    name: 'settle-budgets',
    text: 'SELECT budget_settle($1::uuid[], $2::numeric[])',
    values: [settled.map(({ effectId }) => effectId), settled.map(({ spent }) => spent.toString())],
  })
}
