import { TOOLS, isToolName } from '@chimera/contracts/tools'

import type { Gate } from './gate.ts'

/** TRANSACTION never passes on confidence alone (design.md section 6). */
export const moneyGate: Gate = ({ effect }) => {
  if (!isToolName(effect.tool) || !TOOLS[effect.tool].money) return []
  const reason = 'Money never moves without a person, and there are no approvers yet.'
  return [{ gate: 'approval', vote: 'needs_person', code: 'NEEDS_APPROVAL', reason }]
}
