import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import {
  HYPERLIQUID_URL,
  hyperliquidVenue,
  ORDER_ABSENCE,
} from './hyperliquid/hyperliquid-venue.ts'
import { openAgentWallet, type AgentWallet } from './hyperliquid/signing/agent-wallet.ts'
import { chooseMode, type TradingMode } from './trading-mode.ts'
import type { Venue } from './venue/venue.ts'

type TradingConfig = Config<'trading'>

/** A paper exchange and its absence are on one machine: looks lie a third of the bound apart. */
const READS_APART_SHARE = 3

/**
 * The venue and the mode that the configuration comes to, for the life of the process. Throws
 * ConfigError for what is missing, and for anything that would bend the rules beside real orders.
 */
export function openVenue(
  config: TradingConfig,
  given: { isCrashArmed: boolean; now?: () => number },
): Readonly<{ venue: Venue; mode: TradingMode }> {
  const { TRADING_MODE, TRADING_VENUE, TRADING_ABSENCE_MS: absenceMs } = config
  const { TRADING_MAX_ORDER_USD, TRADING_MAX_POSITION_PERCENT, TRADING_MAX_LEVERAGE } = config
  const limits = [TRADING_MAX_ORDER_USD, TRADING_MAX_POSITION_PERCENT, TRADING_MAX_LEVERAGE]
  const mode = chooseMode({
    mode: TRADING_MODE,
    venue: TRADING_VENUE,
    areLimitsSet: limits.every((limit) => limit !== undefined),
  })
  const now = given.now ?? Date.now
  if (mode.venue !== 'paper') {
    refuseBesideLive(config, given.isCrashArmed)
    const chain = mode.venue === 'hyperliquid-mainnet' ? 'mainnet' : 'testnet'
    const account = config.HYPERLIQUID_ACCOUNT
    if (account === undefined) throw fault('HYPERLIQUID_ACCOUNT', 'is needed for real orders')
    const wallet = walletOf('HYPERLIQUID_KEY', config.HYPERLIQUID_KEY, chain)
    const baseUrl = HYPERLIQUID_URL[mode.venue]
    return { mode, venue: hyperliquidVenue({ name: mode.venue, baseUrl, wallet, account, now }) }
  }
  const baseUrl = paperUrl(config.SIMULATED_EXCHANGE_URL)
  const wallet = walletOf('SIMULATED_EXCHANGE_KEY', config.SIMULATED_EXCHANGE_KEY, 'testnet')
  const absence =
    absenceMs === undefined
      ? ORDER_ABSENCE
      : {
          afterMs: absenceMs,
          reads: ORDER_ABSENCE.reads,
          readsApartMs: Math.ceil(absenceMs / READS_APART_SHARE),
        }
  const account = wallet.address
  return {
    mode,
    venue: hyperliquidVenue({ name: 'paper', baseUrl, wallet, account, absence, now }),
  }
}

function refuseBesideLive(config: TradingConfig, isCrashArmed: boolean): void {
  if (config.TRADING_ABSENCE_MS !== undefined) {
    throw fault('TRADING_ABSENCE_MS', 'is refused beside real orders')
  }
  if (isCrashArmed) throw fault('CHIMERA_CRASH_AT', 'is refused beside real orders')
}

/** A paper venue that reached a real exchange would be a lie. */
function paperUrl(url: string | undefined): URL {
  if (url === undefined) throw fault('SIMULATED_EXCHANGE_URL', 'is needed by the paper venue')
  const parsed = URL.parse(url)
  if (parsed === null) throw fault('SIMULATED_EXCHANGE_URL', 'is no URL')
  const isReal = /(?:^|\.)hyperliquid(?:-testnet)?\.xyz$/iu.test(parsed.hostname)
  if (isReal) throw fault('SIMULATED_EXCHANGE_URL', 'names a real exchange')
  return parsed
}

function walletOf(
  name: string,
  key: string | undefined,
  chain: Parameters<typeof openAgentWallet>[1],
): AgentWallet {
  if (key === undefined) throw fault(name, 'is needed to sign orders')
  try {
    return openAgentWallet(key.trim(), chain)
  } catch {
    // What it says could quote the key.
    throw fault(name, 'is no private key: 0x and 64 hexadecimal digits')
  }
}

function fault(pointer: string, detail: string): ConfigError {
  return new ConfigError([{ pointer, detail }])
}
