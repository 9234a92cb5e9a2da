import { killedBy } from '@chimera/contracts/judging/kill'

import type { Gate } from './gate.ts'

/**
 * What the kill level forbids is denied and not kept waiting: an order that was right yesterday
 * must not leave when somebody lowers the level today (X14, X15). A level that could not be read
 * forbids everything.
 */
export const killGate: Gate = ({ effect, scene }) => {
  const { killLevel: level } = scene
  const reason =
    level === undefined
      ? 'The kill level could not be read.'
      : killedBy({ level, tool: effect.tool, args: effect.args })
  return reason === undefined ? [] : [{ gate: 'kill', vote: 'deny', code: 'KILL_LEVEL', reason }]
}
