import { EffectView, GoalPosted } from '@chimera/contracts/observable'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { plain, printableJson } from '../../terminal-text.ts'

const TRANSFERS: ReadonlySet<string> = new Set(['transfer_native', 'transfer_erc20'])

const Stuck = EffectView.pick({ tool: true, state: true, mode: true, grant_id: true }).loose()

/**
 * Asks for a payment of nothing in the place of a transfer that no block takes: a goal like any
 * other, with a slot, a grant and limits of its own. Asked twice it is the same goal.
 */
export async function unstickEffect(
  id: string,
  { json = false }: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const found = await client.get(`/v1/effects/${encodeURIComponent(id)}`)
  const { tool, state, mode, grant_id: transferId } = Stuck.parse(found)
  if (!TRANSFERS.has(tool) || state !== 'UNKNOWN' || transferId === null) {
    const message = `Effect ${plain(id)} is no transfer that waits: ${plain(tool)}, ${state}.`
    throw new CliExit(EXIT.conflict, message)
  }
  const goal = {
    id: `unstick-${transferId}`,
    kind: 'wallet.unstick',
    params: { transfer_id: transferId },
    mode,
  }
  const posted = GoalPosted.parse(
    await client.post('/v1/goals', goal, { 'idempotency-key': goal.id }),
  )
  context.out(json ? printableJson(posted) : `${posted.id} ${posted.status}`)
  if (!json) context.err(`Watch it with: chimera goal watch ${posted.id}`)
}
