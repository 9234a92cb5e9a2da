import { setTimeout as sleep } from 'node:timers/promises'

import { ToolState } from '@chimera/contracts/tool-control'
import { AdoptionView } from '@chimera/infra/database/adoptions/adoption'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type AdoptOptions = Readonly<{ yes?: boolean; timeout: number; json?: boolean }>

const LOOK_EVERY_MS = 500

const Tool = z.object({
  account: z.string(),
  state: ToolState,
  reason: z.string().nullable(),
  adoption: AdoptionView.optional(),
})
type Tool = z.infer<typeof Tool>

/**
 * Has the record's knowledge written into the ledger of an account that was lost or is older, and
 * waits until its server opens: exit 0 then, 4 when it was refused, 5 when it is still closed.
 */
export async function adoptLedger(
  account: string,
  options: AdoptOptions,
  context: CliContext,
): Promise<void> {
  if (options.yes !== true) {
    throw new CliExit(
      EXIT.usage,
      `This makes the ledger of ${plain(account)} continue the record: every effect that may ` +
        'have been sent is written into it and looked up. Add --yes to do it.',
    )
  }
  const client = await openGatewayClient(context)
  const path = `/v1/tools/${encodeURIComponent(account)}`
  await client.post(`${path}/adopt`)
  const until = performance.now() + options.timeout * 1_000
  let told = ''
  for (;;) {
    const tool = Tool.parse(await client.get(path))
    const progress = progressOf(tool)
    if (progress !== told) context.err(plain(progress))
    told = progress
    if (isOver(tool) || performance.now() > until) return end(tool, options, context)
    await sleep(LOOK_EVERY_MS)
  }
}

function progressOf({ adoption, state, reason }: Tool): string {
  const why = reason === null ? '' : ` (${reason})`
  return `adoption ${adoption?.state ?? 'waiting'}; the tool server is ${state}${why}`
}

const isOver = ({ adoption, state }: Tool): boolean =>
  adoption?.state === 'refused' || (adoption?.state === 'carried' && state !== 'closed')

function end(tool: Tool, { json }: AdoptOptions, context: CliContext): void {
  if (json === true) context.out(printableJson(tool))
  if (tool.adoption?.state === 'refused') {
    throw new CliExit(EXIT.refused, tool.adoption.refused ?? '')
  }
  if (!isOver(tool)) {
    throw new CliExit(EXIT.waiting, 'It is still closed; `chimera tools ls` says what is open.')
  }
  if (json !== true) context.out(`The tool server of ${plain(tool.account)} is ${tool.state}.`)
}
