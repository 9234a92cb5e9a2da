import { EVERYTHING } from '../ledger/fences.ts'

/** What of an effect decides which stops cover it. */
export type Scoped = Readonly<{
  tool: string
  tenant?: string | undefined
  agent?: string | undefined
  campaign?: string | undefined
  goal?: string | undefined
}>

/**
 * The scopes of a stop that cover an effect: `everything`, and `<kind>:<id>` for its tenant, agent,
 * campaign, goal and tool (design.md section 5, Stop).
 */
export function scopesOf(effect: Scoped): string[] {
  const named = (['tenant', 'agent', 'campaign', 'goal', 'tool'] as const).flatMap((kind) => {
    const id = effect[kind]
    return id === undefined ? [] : [`${kind}:${id}`]
  })
  return [EVERYTHING, ...named]
}
