import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'

import type { JsonRpc } from '../chain/json-rpc.ts'
import type { Network } from '../chain/networks.ts'
import type { WalletLimits } from '../limits/wallet-limits.ts'
import type { Signer } from '../signing/signer.ts'

/** What the tools of one wallet stand on. */
export type WalletParts = Readonly<{
  network: Network
  /** Address of the node, for the one send of each transaction; may hold an API key. */
  rpcUrl: string
  rpc: JsonRpc
  signer: Signer
  limits: WalletLimits
  ledger: Ledger
  /** Deadline of one broadcast. */
  sendTimeoutMs: number
  /** How long a call waits for its block. */
  followMs: number
}>
