import { ApprovalState, ApprovalView, RiskLevel } from '@chimera/contracts/judging/approval'
import { SWARM_TOOLS } from '@chimera/contracts/tools'
import { defineReadTool, type ServedReadTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import type { GatewayApi } from './gateway-api.ts'

const Page = z.object({ approvals: z.array(ApprovalView), next_cursor: z.string().nullable() })

/** Longer reasons and arguments are cut: the whole is at `url`. */
const MAX_TEXT = 2_000

const Shown = z.object({
  id: z.uuid(),
  state: ApprovalState,
  goal_id: z.string(),
  tool: z.string().optional(),
  arguments: z.string().describe('as JSON'),
  risk: RiskLevel,
  reasons: z.array(z.string()).max(64),
  needed: z.int(),
  said_yes: z.int(),
  expires_at: z.string(),
  url: z.string(),
})

/**
 * What waits for a person. Deciding is not a tool: whoever could give the swarm goals would approve
 * what comes of them.
 */
export function listApprovals(gateway: GatewayApi): ServedReadTool {
  return defineReadTool({
    name: 'list_approvals',
    title: 'List what waits for a person',
    description:
      'Requests for approval, the one that expires first on top: the exact arguments, the risk ' +
      'and why a person is asked. They are decided by people at the gateway, not by a tool.',
    scope: SWARM_TOOLS.list_approvals.scope,
    input: {
      state: ApprovalState.optional().describe('REQUESTED when absent'),
      goal: z.string().min(1).max(128).optional().describe('only those of this goal'),
      limit: z.int().min(1).max(100).optional().describe('20 when absent'),
      cursor: z.string().min(1).max(1_000).optional().describe('`next_cursor` of the page before'),
    },
    output: { approvals: z.array(Shown).max(100), next_cursor: z.string() },
    read: async ({ state, goal, limit = 20, cursor }, { signal }) => {
      const query = { state, goal, limit: String(limit), cursor }
      const page = Page.parse(await gateway.get('/v1/approvals', { query, signal }))
      return {
        approvals: page.approvals.map((one) => ({
          id: one.id,
          state: one.state,
          goal_id: one.goal_id,
          ...(one.tool === null ? {} : { tool: one.tool }),
          arguments: cut(JSON.stringify(one.args)),
          risk: one.risk.level,
          reasons: one.asked_by.map(({ gate, reason }) => cut(`${gate}: ${reason}`)).slice(0, 64),
          needed: one.needed,
          said_yes: one.approvers.length,
          expires_at: one.expires_at,
          url: gateway.linkTo(`/v1/approvals/${one.id}`),
        })),
        ...(page.next_cursor === null ? {} : { next_cursor: page.next_cursor }),
      }
    },
  })
}

const cut = (text: string): string =>
  text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`
