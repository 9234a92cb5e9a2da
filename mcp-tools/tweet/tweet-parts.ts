import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'

import type { MediaStore } from './media-store.ts'
import type { Network } from './network/network.ts'

/** What the tweet tools stand on. */
export type TweetParts = Readonly<{
  network: Network
  ledger: Ledger
  media: MediaStore
  cooldownMs: number
  /** Deadline of one send. */
  sendTimeoutMs: number
}>
