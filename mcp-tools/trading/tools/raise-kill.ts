import { KILL_LEVELS } from '@chimera/contracts/judging/kill'
import { TOOLS } from '@chimera/contracts/tools'
import { defineReadTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { mode } from './fields.ts'
import type { TradingParts } from './trading-parts.ts'

/**
 * The brake. It reaches nobody outside and takes no grant, so that whoever may pull it can pull it
 * at once; it only ever makes this server do less. No tool takes it back (X14).
 */
export function raiseKill({ ledger }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'raise_kill',
    title: 'Raise the kill level',
    description:
      'Raises the kill level of this account, and within seconds that of the whole house; one ' +
      'that is not higher changes nothing. 1 halves what an order may come to; 2 to 4 let only ' +
      'reduce-only orders through; from 3 nobody tweets or pays either; at 5 nothing acts. Only ' +
      'the operator lowers it, with a token of their own; no tool does.',
    scope: TOOLS.raise_kill.scope,
    hints: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    input: {
      level: z.int().min(1).max(5),
      reason: z.string().min(1).max(500).describe('what was seen; kept with the level'),
    },
    output: {
      ...mode,
      kill_level: z.int().min(0).max(5).describe('what holds now'),
      kill_name: z.enum(KILL_LEVELS),
      raised: z.boolean().describe('false: it was as high already'),
    },
    read: async ({ level, reason }, { principal = 'a client' }) => {
      const now = ledger.transact(() => {
        const before = ledger.kill.current().level
        const atMs = ledger.now()
        const after = ledger.kill.raise({ level, reason, actor: principal, atMs }).level
        return { after, raised: after > before }
      })
      return {
        kill_level: now.after,
        kill_name: KILL_LEVELS[now.after] ?? 'SHUTDOWN',
        raised: now.raised,
      }
    },
  })
}
