import { readFileSync } from 'node:fs'

import { ToolArguments } from '@chimera/contracts/effect'
import { ApprovalView } from '@chimera/contracts/judging/approval'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient, type GatewayClient } from '../../gateway-client.ts'
import { printableJson } from '../../terminal-text.ts'

export type DecideOptions = Readonly<{
  reason?: string
  args?: string
  file?: string
  set?: readonly string[]
  json?: boolean
}>

type Asked = Readonly<{
  id: string
  decision: 'approve' | 'reject' | 'respond' | 'edit'
  options: DecideOptions
}>

/** Says what a person decided. The same again has no effect; what was decided otherwise is 409. */
export async function decideApproval(asked: Asked, context: CliContext): Promise<void> {
  const { id, decision, options } = asked
  const client = await openGatewayClient(context)
  const path = `/v1/approvals/${encodeURIComponent(id)}`
  const reason = options.reason === undefined ? {} : { reason: options.reason }
  const edited = decision === 'edit' ? { args: await editedArgs(client, path, options) } : {}
  const answer = await client.post(`${path}/decide`, { decision, ...reason, ...edited })
  const approval = ApprovalView.parse(answer)
  if (options.json === true) return context.out(printableJson(approval))
  context.out(sentenceOf(approval))
}

function sentenceOf({ id, state, superseded_by: next, ...approval }: ApprovalView): string {
  if (approval.withdrawn_at !== null) return `Approval ${id} is taken back.`
  if (state === 'EDITED') return `Approval ${id} is EDITED; approval ${next} takes its place.`
  if (state !== 'REQUESTED') return `Approval ${id} is ${state}.`
  const open = approval.needed - approval.approvers.length
  return `Approval ${id} waits for ${open} more.`
}

async function editedArgs(
  client: GatewayClient,
  path: string,
  { args, file, set }: DecideOptions,
): Promise<ToolArguments> {
  const given = [args, file, set].filter((one) => one !== undefined)
  if (given.length !== 1) {
    throw new CliExit(EXIT.usage, 'Say what to change by one of --args, --file or --set.')
  }
  if (args !== undefined) return parseArgs(args, '--args')
  if (file !== undefined) return parseArgs(readFileSync(file === '-' ? 0 : file, 'utf8'), '--file')
  const before = ApprovalView.parse(await client.get(path)).args
  return { ...before, ...Object.fromEntries((set ?? []).map(parseSet)) }
}

function parseArgs(text: string, from: string): ToolArguments {
  const parsed = ToolArguments.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  throw new CliExit(EXIT.usage, `${from} holds no JSON object of arguments.`)
}

function parseSet(text: string): [string, unknown] {
  const at = text.indexOf('=')
  if (at < 1) throw new CliExit(EXIT.usage, '--set wants name=value.')
  const value = text.slice(at + 1)
  return [text.slice(0, at), jsonOf(value) ?? value]
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
