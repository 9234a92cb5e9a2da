import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { fenceScope } from '@chimera/contracts/tenancy/fence-scope'

import { EVERYTHING } from '../ledger/fences.ts'

/** What of an effect decides which stops cover it. */
export type Scoped = Readonly<{
  /** The outside account: what a stop of a tool server names. */
  account: string
  tenant?: string | undefined
  agent?: string | undefined
  campaign?: string | undefined
  goal?: string | undefined
}>

/**
 * The scopes of a stop that cover an effect: `everything`, `tool:<account>`, and those of its
 * tenant, agent, campaign and goal (design.md section 5, Stop), as the Judge writes them into
 * grants.
 */
export function scopesOf(effect: Scoped): string[] {
  const { tenant = DEFAULT_TENANT } = effect
  const named = (['tenant', 'agent', 'campaign', 'goal'] as const).flatMap((kind) => {
    const id = effect[kind]
    return id === undefined ? [] : [fenceScope(kind, { tenant, id })]
  })
  return [EVERYTHING, ...named, `tool:${effect.account}`]
}
