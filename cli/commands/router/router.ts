import { type CircuitVerb, RouterView, type TierView } from '@chimera/contracts/models/router-view'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

export type MoveOptions = Readonly<{ all?: boolean; reason: string; json?: boolean }>

/** Prints every tier that a process has named. */
export async function showRouter(options: { json?: boolean }, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  print(RouterView.parse(await client.get('/v1/router')), options, context)
}

/** Moves the circuits of one tier, or of all, and prints what they are now. */
export async function moveCircuit(
  of: { verb: CircuitVerb; tier: string | undefined },
  options: MoveOptions,
  context: CliContext,
): Promise<void> {
  const { verb, tier } = of
  if ((tier === undefined) !== (options.all === true)) {
    throw new CliExit(EXIT.usage, `Name a tier to ${verb}, or say --all.`)
  }
  const client = await openGatewayClient(context)
  const body = { reason: options.reason, ...(tier === undefined ? {} : { tier }) }
  print(RouterView.parse(await client.post(`/v1/router/${verb}`, body)), options, context)
}

function print(view: RouterView, options: { json?: boolean }, context: CliContext): void {
  if (options.json === true) return context.out(printableJson(view))
  if (view.tiers.length === 0) {
    return context.out('No process has a model: everything goes by rule.')
  }
  const head = [
    'tier',
    'model',
    'circuit',
    'until',
    'health',
    'asked',
    'failed',
    'ms',
    'USD',
    'why',
  ]
  const rows = view.tiers.map((tier) => [
    tier.name,
    tier.model,
    tier.state,
    untilOf(tier),
    tier.health,
    tier.total,
    tier.failed,
    tier.avg_latency_ms,
    tier.usd,
    tier.reason ?? tier.last_error,
  ])
  for (const line of renderTable(head, rows)) context.out(line)
}

function untilOf({ state, open_until: open, cooling_until: cooling }: TierView): string | null {
  if (cooling !== null) return `cooling ${cooling}`
  return state === 'open' ? (open ?? 'closed by hand') : null
}
