import { ApprovalView } from '@chimera/contracts/judging/approval'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readPages } from '../../read-pages.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type ListOptions = Readonly<{
  state?: string
  goal?: string
  limit: number
  json?: boolean
}>

/** Requests, the one that expires first on top. */
export async function list(options: ListOptions, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  const approvals = await readPages({
    client,
    path: '/v1/approvals',
    field: 'approvals',
    query: { state: options.state, goal: options.goal },
    limit: options.limit,
    parse: (item) => ApprovalView.parse(item),
  })
  if (options.json === true) return context.out(printableJson(approvals))
  if (approvals.length === 0) return context.out('Nothing waits for a person.')
  const rows = approvals.map((one) => [
    one.id,
    one.state,
    one.risk.level,
    one.tool ?? one.subject,
    one.goal_id,
    `${one.approvers.length}/${one.needed}`,
    one.expires_at,
    JSON.stringify(one.args),
  ])
  const head = ['id', 'state', 'risk', 'what', 'goal', 'said yes', 'expires', 'arguments']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** One request with everything that a person has to know. */
export async function show(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const found = await client.get(`/v1/approvals/${encodeURIComponent(id)}`)
  const approval = ApprovalView.parse(found)
  if (options.json === true) return context.out(printableJson(approval))
  for (const line of renderApproval(approval)) context.out(line)
}

/** The arguments come first, and no word of a model stands above them. */
export function renderApproval(approval: ApprovalView): string[] {
  const { bound_to: bound, risk } = approval
  const lines = renderFields({
    approval: approval.id,
    state: approval.withdrawn_at === null ? approval.state : `${approval.state}, taken back`,
    what: approval.tool ?? 'the result of a task',
    arguments: JSON.stringify(approval.args),
    account: bound.account,
    mode: bound.mode,
    risk: `${risk.level}${risk.money ? ', moves money' : ''}`,
    'costs at most': `${risk.cost_usd_micros} micros of a US dollar`,
    confidence: risk.confidence,
    goal: approval.goal_id,
    task: approval.task_id,
    slot: approval.slot,
    'asked for by': approval.requester,
    'edited by': approval.editor,
    needs: `${approval.needed}${approval.not_requester ? ', not who asked or edited' : ''}`,
    'said yes': approval.approvers.map(({ approver }) => approver).join(', ') || null,
    expires: approval.expires_at,
    decided: approval.decided_at,
    'decided by': approval.decided_by,
    reason: approval.reason,
    'in its place': approval.superseded_by,
  })
  lines.push('', 'Asked by the gates:')
  for (const { gate, code, reason } of approval.asked_by) {
    lines.push(plain(`  ${gate} ${code ?? ''}: ${reason}`))
  }
  if (approval.diff === null) lines.push('', 'Nothing was approved for this agent and tool before.')
  else if (approval.diff.length > 0) {
    lines.push('', 'New against what was approved last:')
    for (const { argument, was, now } of approval.diff) {
      lines.push(plain(`  ${argument}: ${JSON.stringify(was)} -> ${JSON.stringify(now)}`))
    }
  }
  return lines
}
