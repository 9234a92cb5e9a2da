import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'

import type { RestrictedSymbols } from '../limits/restricted-symbols.ts'
import type { TradingLimits } from '../limits/trading-limits.ts'
import type { TradingMode } from '../trading-mode.ts'
import type { Venue } from '../venue/venue.ts'

/** What the trading tools stand on. */
export type TradingParts = Readonly<{
  venue: Venue
  /** Fixed when the process started; every result carries it. */
  mode: TradingMode
  ledger: Ledger
  limits: TradingLimits
  restricted: RestrictedSymbols
  /** Deadline of one send, and how long the venue takes it. */
  sendTimeoutMs: number
}>
