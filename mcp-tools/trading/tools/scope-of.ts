import type { Scope } from '@chimera/contracts/tools'

import type { TradingMode } from '../trading-mode.ts'

/** What a token needs: real orders ask for `trade:live`, whatever they ask for on paper. */
export function scopeOf(onPaper: Scope, mode: TradingMode): Scope {
  return mode.name === 'live' ? 'trade:live' : onPaper
}
