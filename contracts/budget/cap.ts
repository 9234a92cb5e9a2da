import { z } from 'zod'

import { AgentId } from '../ids.ts'
import { AssetCode } from '../money.ts'

/** Base units as text: micros of a US dollar, wei, sats, tokens, calls. */
const Units = z.string().regex(/^(?:0|[1-9][0-9]{0,77})$/, 'is not an integer in base units')

export const BudgetScope = z.enum(['tenant', 'agent', 'campaign', 'goal'])
export type BudgetScope = z.infer<typeof BudgetScope>

/** Whose cap: `tenant`, `agent:<id>`, `campaign:<id>`, `goal:<id>`, and `agent:*` for each. */
export const CapScope = z.string().transform((text, context) => {
  const [, kind, id] = /^(tenant|agent|campaign|goal)(?::(.+))?$/s.exec(text) ?? []
  const scope = BudgetScope.safeParse(kind)
  const isNamed = id === '*' || AgentId.safeParse(id).success
  if (scope.success && (scope.data === 'tenant' ? id === undefined : isNamed)) {
    return { scope: scope.data, scopeId: id ?? null }
  }
  const message = 'use tenant, agent:<id>, campaign:<id> or goal:<id>, or * as the id for each'
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/** Body of `POST /v1/budgets`: goals have one cap for good, everybody else one for each UTC day. */
export const CapChange = z.strictObject({
  scope: CapScope,
  asset: AssetCode.default('USD'),
  /** Simulated money, real money, or both alike. */
  mode: z.enum(['paper', 'live', 'both']).default('both'),
  /** `none` lifts every cap, `default` goes back to what holds without this one. */
  cap: z.union([Units, z.literal('none'), z.literal('default')]),
})
export type CapChange = z.infer<typeof CapChange>

/** One counter with the cap in force. Amounts are base units; `decimals` is null when unknown. */
export const BudgetView = z.strictObject({
  scope: BudgetScope,
  scope_id: z.string(),
  mode: z.enum(['paper', 'live']),
  asset: z.string(),
  per: z.enum(['day', 'ever']),
  /** Null: nothing holds it. */
  cap: z.string().nullable(),
  source: z.enum(['set', 'set_for_each', 'goal', 'campaign', 'default', 'none']),
  spent: z.string(),
  reserved: z.string(),
  /** Open reservations of earlier days: they count until it is known what became of them. */
  carried: z.string(),
  decimals: z.int().nullable(),
  /** Per cent of the cap, rounded down; null without one. */
  used_percent: z.int().nullable(),
  resets_at: z.string().nullable(),
  version_id: z.uuid().nullable(),
})
export type BudgetView = z.infer<typeof BudgetView>

/** US dollars are kept in micros; other assets bring their own decimals. */
export const DOLLARS: readonly string[] = ['USD', 'MODELUSD']
