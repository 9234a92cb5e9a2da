import { TOOLS, isToolName } from '@chimera/contracts/tools'

import type { Gate } from './gate.ts'

/** TRANSACTION never passes on confidence alone (design.md section 6). */
export const moneyGate: Gate = ({ effect }) => {
  if (!isToolName(effect.tool) || !TOOLS[effect.tool].money) return []
  const reason = 'Money never moves without a person who did not ask for it.'
  const needs = { approvers: 1, not_requester: true }
  return [{ gate: 'approval', vote: 'needs_person', code: 'MONEY', reason, needs }]
}
