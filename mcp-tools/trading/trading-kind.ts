import type { Config } from '@chimera/contracts/config'
import type { ToolKind } from '@chimera/mcp-kit/open-tool-process'

import { parseDecimal } from './decimal/decimal.ts'
import { restrictedOf } from './limits/restricted-symbols.ts'
import { limitsOf, type TradingLimits } from './limits/trading-limits.ts'
import { openVenue } from './open-venue.ts'
import { tradingTools } from './tools/trading-tools.ts'
import { orderReconciler } from './venue/order-reconciler.ts'

/** One trading account as the kit serves it. Throws ConfigError. */
export function tradingKind(config: Config<'trading'>, isCrashArmed: boolean): ToolKind {
  const { venue, mode } = openVenue(config, { isCrashArmed })
  const limits = limitsOfConfig(config)
  const restricted = restrictedOf(config.TRADING_RESTRICTED_SYMBOLS)
  return {
    name: 'trading',
    backend: { label: venue.name, isLive: venue.isLive },
    reconciler: orderReconciler(venue),
    tools: (ledger) =>
      tradingTools({
        venue,
        mode,
        ledger,
        limits,
        restricted,
        sendTimeoutMs: config.TRADING_SEND_TIMEOUT_MS,
      }),
  }
}

/** Percent and leverage are kept in hundredths. */
function limitsOfConfig(config: Config<'trading'>): TradingLimits {
  const { TRADING_MAX_ORDER_USD: usd, TRADING_MAX_LEVERAGE: leverage } = config
  const maxOrderMicros = usd === undefined ? undefined : parseDecimal(usd, 6)
  const percent = config.TRADING_MAX_POSITION_PERCENT
  const maxPositionBps = percent === undefined ? undefined : parseDecimal(percent, 2)
  const maxLeverageHundredths = leverage === undefined ? undefined : parseDecimal(leverage, 2)
  return limitsOf({
    ...(maxOrderMicros === undefined ? {} : { maxOrderMicros }),
    ...(maxPositionBps === undefined ? {} : { maxPositionBps }),
    ...(maxLeverageHundredths === undefined ? {} : { maxLeverageHundredths }),
  })
}
