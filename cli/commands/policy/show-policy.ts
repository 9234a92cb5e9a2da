import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

const Shown = z.object({ policy: z.string(), source: z.string() })
const Versions = z.object({
  in_force: z.int(),
  versions: z.array(
    z.object({
      version: z.int(),
      note: z.string().nullable(),
      actor: z.string(),
      applied_at: z.string(),
    }),
  ),
})

/** The text of a version, ready to be written into a file. */
export async function showPolicy(
  options: Readonly<{ version?: number; action?: string; json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const { version, action } = options
  const path = version === undefined ? '/v1/policy' : `/v1/policy/versions/${version}`
  const answer = await client.get(path, { action })
  if (options.json === true) return context.out(printableJson(answer))
  const { policy, source } = Shown.parse(answer)
  context.out(`# ${policy}`)
  for (const line of source.trimEnd().split('\n')) context.out(plain(line))
}

/** Versions, newest first; 0, which ships, is always there. */
export async function listPolicies(
  options: Readonly<{ json?: boolean }>,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const answer = await client.get('/v1/policy/versions')
  if (options.json === true) return context.out(printableJson(answer))
  const { in_force: inForce, versions } = Versions.parse(answer)
  const shipped = { version: 0, note: 'ships with the product', actor: '', applied_at: '' }
  const rows = [...versions, shipped].map((one) => [
    one.version,
    one.version === inForce ? 'in force' : '',
    one.applied_at,
    one.actor,
    one.note ?? '',
  ])
  const head = ['version', '', 'applied', 'by', 'note']
  for (const line of renderTable(head, rows)) context.out(line)
}
