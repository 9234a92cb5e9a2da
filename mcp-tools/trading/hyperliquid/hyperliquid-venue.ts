import { TerminalError } from '@chimera/contracts/errors'

import type { Market, Venue, VenueName } from '../venue/venue.ts'
import { classifyAnswer } from './exchange/classify-answer.ts'
import { openNonces } from './exchange/nonces.ts'
import { wireAction } from './exchange/wire-action.ts'
import { createAccountReads } from './info/account-reads.ts'
import { createAsk } from './info/ask.ts'
import { createMarketReads } from './info/market-reads.ts'
import type { AgentWallet } from './signing/agent-wallet.ts'

/** The hosts of the two real exchanges, by exact name. */
export const HYPERLIQUID_URL = {
  'hyperliquid-mainnet': new URL('https://api.hyperliquid.xyz'),
  'hyperliquid-testnet': new URL('https://api.hyperliquid-testnet.xyz'),
} as const

/**
 * After `expiresAfter` the exchange does nothing of an action; 30 seconds for what clocks and nodes
 * differ by, and two looks, because one may come from a node that is behind (design.md section 5).
 */
export const ORDER_ABSENCE = { afterMs: 30_000, reads: 2, readsApartMs: 10_000 } as const

/** Reads take well under a second. */
const READ_DEADLINE_MS = 5_000

/**
 * Hyperliquid, or what speaks its wire: one account, traded for by an agent key that cannot
 * withdraw. Reads ask for the account, because the exchange knows nothing of an agent's own.
 * Opening it starts nothing.
 */
export function hyperliquidVenue(options: {
  name: VenueName
  baseUrl: URL
  wallet: AgentWallet
  /** The account that the agent trades for; the agent's own address when it is its own. */
  account: string
  absence?: Venue['absence']
  /** The ledger's clock. */
  now: () => number
  readDeadlineMs?: number
}): Venue {
  const { name, baseUrl, wallet, now } = options
  const { absence = ORDER_ABSENCE, readDeadlineMs = READ_DEADLINE_MS } = options
  const account = options.account.toLowerCase()
  const ask = createAsk({ baseUrl, deadlineMs: readDeadlineMs })
  const markets = createMarketReads({ ask, now })
  const nonces = openNonces({ now })
  const url = new URL('/exchange', baseUrl).href

  return {
    name,
    isLive: name !== 'paper',
    absence,
    ...markets,
    ...createAccountReads({ ask, account, now }),
    prepare: async (action, { expiresAfterMs }) => {
      const listed = new Map((await markets.markets()).map((market) => [market.symbol, market]))
      const wire = wireAction(action, (symbol) => marketIn(listed, symbol))
      const fields = {
        action: wire,
        nonce: nonces.next(),
        expiresAfter: Math.floor(expiresAfterMs),
      }
      const signature = wallet.sign(fields)
      const body = JSON.stringify({ ...fields, signature })
      return {
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: Buffer.from(body, 'utf8'),
        facts: {
          nonce: String(fields.nonce),
          expires_after: String(fields.expiresAfter),
          ...(action.kind === 'place' ? { cloid: action.order.cloid } : {}),
        },
      }
    },
    classify: classifyAnswer,
  }
}

function marketIn(markets: ReadonlyMap<string, Market>, symbol: string): Market {
  const market = markets.get(symbol)
  if (market !== undefined) return market
  throw new TerminalError('MARKET_UNKNOWN', `The exchange lists no market "${symbol}".`)
}
