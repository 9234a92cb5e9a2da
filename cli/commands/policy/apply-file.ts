import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'
import { readPolicyFile } from './read-policy-file.ts'

const Applied = z.object({
  policy: z.string(),
  epoch: z.int(),
  tools: z.array(z.object({ name: z.string(), result: z.string() })),
  findings: z.array(z.object({ rule: z.string().nullable(), message: z.string() })),
})

/** Puts a file in force. Exit 1 when a tool server could not be told in time. */
export async function applyFile(
  file: string,
  options: Readonly<{ note?: string; expect?: number; json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const { source } = readPolicyFile(file)
  const { note, expect } = options
  const client = await openGatewayClient(context)
  const answer = await client.post('/v1/policy', {
    source,
    ...(note === undefined ? {} : { note }),
    ...(expect === undefined ? {} : { expect_version: expect }),
  })
  const { policy, epoch, tools, findings } = Applied.parse(answer)
  if (options.json === true) context.out(printableJson(answer))
  else {
    for (const { rule, message } of findings) context.err(`${rule ?? 'policy'}: ${message}`)
    context.out(`${policy} is in force; what was granted before is below epoch ${epoch}.`)
    const rows = tools.map(({ name, result }) => [name, result])
    if (rows.length > 0) for (const line of renderTable(['tool', 'result'], rows)) context.out(line)
  }
  const missing = tools.filter(({ result }) => result !== 'fenced').map(({ name }) => name)
  if (missing.length === 0) return
  const told = `Not told: ${missing.join(', ')}. The Keeper brings them the fence.`
  throw new CliExit(EXIT.failed, told)
}
