import type { ServedTool } from '@chimera/mcp-kit/serving/define-tool'

import type { WalletParts } from '../transfers/wallet-parts.ts'
import { checkSpend, getBalances, getLimits, simulateTransfer } from './read-tools.ts'
import { transferErc20, transferNative } from './transfer-tools.ts'
import { getTransfer, listTransfers } from './transfers-tools.ts'
import { unstickTransfer } from './unstick-tool.ts'

/** The tools of one wallet; their definitions do not depend on network, limits or key. */
export function walletTools(parts: WalletParts): readonly ServedTool[] {
  return [
    transferNative(parts),
    transferErc20(parts),
    unstickTransfer(parts),
    getBalances(parts),
    simulateTransfer(parts),
    checkSpend(parts),
    getLimits(parts),
    getTransfer(parts),
    listTransfers(parts),
  ]
}
