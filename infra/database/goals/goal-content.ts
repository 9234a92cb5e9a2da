import { canonicalHash } from '@chimera/contracts/canonical'
import { TerminalError } from '@chimera/contracts/errors'
import { DEFAULT_MAX_COST_USD, type Goal, ORDINARY_GRADE } from '@chimera/contracts/goal'
import { DEFAULT_AGENT } from '@chimera/contracts/ids'

/** A goal as its row keeps it, and the hash that tells the same goal from another with its id. */
export type GoalContent = { readonly content: Omit<Goal, 'id'>; readonly hash: string }

const DEFAULTS: Readonly<Record<string, unknown>> = {
  agent_id: DEFAULT_AGENT,
  mode: 'paper',
  max_cost_usd: DEFAULT_MAX_COST_USD,
  urgency: ORDINARY_GRADE,
  importance: ORDINARY_GRADE,
}

/**
 * The content of a goal. Its hash leaves out the id, which is the row's key, and every field that
 * says what is meant without it, too: a goal with `"mode": "paper"` is the one without a mode,
 * whether it came by HTTP, by the stream or from a release with other words for the same. Throws
 * INPUT_INVALID for what neither canonical JSON nor jsonb can hold.
 */
export function goalContent(goal: Goal): GoalContent {
  const { id: _id, ...content } = goal
  if (JSON.stringify(content).includes('\\u0000')) {
    throw new TerminalError('INPUT_INVALID', 'The goal holds a NUL character; take it out.')
  }
  const meant = Object.entries(content).filter(([name, value]) => DEFAULTS[name] !== value)
  return { content, hash: canonicalHash(Object.fromEntries(meant)) }
}
