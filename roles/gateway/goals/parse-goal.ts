import { TerminalError } from '@chimera/contracts/errors'
import { StructuredGoal, TextGoal, type Goal } from '@chimera/contracts/goal'
import { readGoal } from '@chimera/domain/rule-planner/rule-planner'

import { parseInput } from '../http/faults.ts'

const HINTS = {
  tenant: 'is not accepted: the token names the tenant',
  tenant_id: 'is not accepted: the token names the tenant',
  ring: 'is for the stream only',
}

/**
 * The goal of a body: in words (`text`) or structured (`kind` and `params`). Throws INPUT_INVALID
 * with a fault per field, GOAL_NOT_UNDERSTOOD for a kind that nobody knows.
 */
export function parseGoal(body: unknown): Goal {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TerminalError('INPUT_INVALID', 'A goal is a JSON object.', {
      faults: [{ pointer: '', detail: 'is not an object' }],
    })
  }
  const isStructured = 'kind' in body || 'params' in body
  const schema = isStructured ? StructuredGoal : TextGoal
  const goal = parseInput<Goal>(schema, body, { what: 'The goal', hints: HINTS })
  // Parameters are no prose that a cleverer planner might understand: what is wrong in them is
  // wrong.
  if (isStructured) readGoal(goal)
  return goal
}
