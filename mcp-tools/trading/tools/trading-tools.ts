import type { ServedTool } from '@chimera/mcp-kit/serving/define-tool'

import { accountTools } from './account-tools.ts'
import { cancelAll, cancelOrder } from './cancel-orders.ts'
import { closePosition } from './close-position.ts'
import { marketTools } from './market-tools.ts'
import { placeOrder } from './place-order.ts'
import { raiseKill } from './raise-kill.ts'
import type { TradingParts } from './trading-parts.ts'

/**
 * The tools of one account. Their definitions do not depend on venue or mode; what a token needs
 * for them does. None edits limits, list or mode, and none lowers the kill level.
 */
export function tradingTools(parts: TradingParts): readonly ServedTool[] {
  const tools = [
    ...marketTools(parts),
    ...accountTools(parts),
    placeOrder(parts),
    cancelOrder(parts),
    cancelAll(parts),
    closePosition(parts),
    raiseKill(parts),
  ]
  // Nobody should have to guess whether it was real: refusals and failures say so, too.
  const always = { mode: parts.mode.name, venue: parts.venue.name }
  return tools.map((tool) => ({ ...tool, always }))
}
