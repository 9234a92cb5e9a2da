/** Whose counter it is. */
export type BudgetScope = 'tenant' | 'agent' | 'campaign' | 'goal'

/** What something needs in one counter. */
export type BudgetLine = {
  readonly tenantId: string
  readonly scope: BudgetScope
  readonly scopeId: string
  /** Simulated money never uses up what is for real money. */
  readonly mode: 'paper' | 'live'
  readonly asset: string
  /** The UTC day of the reserving transaction, or a counter that never renews. */
  readonly per: 'day' | 'ever'
  /** In base units of the asset. */
  readonly amount: bigint
  /** A cap that the caller knows (a goal's own); null leaves it to the rows and the defaults. */
  readonly own: bigint | null
}

/** A counter, as the record names it. */
export type Counter = {
  readonly tenantId: string
  readonly scope: BudgetScope
  readonly scopeId: string
  readonly mode: 'paper' | 'live'
  readonly asset: string
}

/** A counter that was too full for what was asked of it, or has come near its cap. */
export type CounterState = Counter & {
  readonly per: 'day' | 'ever'
  readonly cap: bigint
  /** Spent, reserved, and what is open of earlier days. */
  readonly used: bigint
  readonly asked: bigint
}

/** How a task says that it waits for room in a counter (`tasks.waits_for`). */
export function counterKey({ tenantId, scope, scopeId, mode, asset }: Counter): string {
  return `budget ${tenantId} ${scope} ${scopeId} ${mode} ${asset}`
}
