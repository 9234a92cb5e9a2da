import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'
import { readPolicyFile } from './read-policy-file.ts'

const Simulated = z.object({
  days: z.number(),
  decisions: z.int(),
  outcomes: z.record(z.string(), z.int()),
  changed: z.array(
    z.object({
      id: z.string(),
      time: z.string(),
      tool: z.string(),
      before: z.string(),
      after: z.string(),
      afterRules: z.array(z.string()),
    }),
  ),
})

/** Decides the kept decisions of some days again, by a file. */
export async function simulateFile(
  file: string,
  options: Readonly<{ days: number; json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const { source } = readPolicyFile(file)
  const client = await openGatewayClient(context)
  const answer = await client.post('/v1/policy/simulate', { source, days: options.days })
  if (options.json === true) return context.out(printableJson(answer))
  const { days, decisions, outcomes, changed } = Simulated.parse(answer)
  context.out(`${decisions} decisions of ${days} days:`)
  const counts = Object.entries(outcomes).map(([outcome, count]) => [outcome, count])
  for (const line of renderTable(['outcome', 'decisions'], counts)) context.out(line)
  if (changed.length === 0) return
  context.out('')
  const rows = changed.map((one) => [
    one.id,
    one.time,
    one.tool,
    one.before,
    one.after,
    one.afterRules.join(', '),
  ])
  const head = ['effect', 'time', 'tool', 'before', 'after', 'rules']
  for (const line of renderTable(head, rows)) context.out(line)
}
