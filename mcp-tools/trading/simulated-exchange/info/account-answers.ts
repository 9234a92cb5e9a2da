import { z } from 'zod'

import { formatDecimal, MICROS } from '../../decimal/decimal.ts'
import type { AccountView, PositionView } from '../../engine/engine.ts'
import type { ExchangeParts } from '../exchange-parts.ts'
import type { Asked, Question } from './market-answers.ts'

const OfUser = z.object({
  user: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/u)
    .transform((text) => text.toLowerCase()),
})

/** One request for each dollar traded, and these to begin with. */
const FREE_REQUESTS = 10_000

/** Questions about an account's money. Undefined for other questions. */
export function answerAccount(question: Question, { parts, asOfMs }: Asked): unknown {
  const read = OfUser.safeParse(question)
  if (!read.success) return undefined
  const { user } = read.data
  switch (question.type) {
    case 'clearinghouseState':
      // Whoever has no account has no money: an agent's own address shows nothing.
      return parts.accounts.has(user)
        ? stateOf(parts.engine.account(user), { parts, asOfMs })
        : stateOf(NOBODY, { parts, asOfMs })
    case 'userRateLimit':
      return { cumVlm: '0.0', nRequestsUsed: 0, nRequestsCap: FREE_REQUESTS }
    case 'userRole':
      return roleOf(user, parts)
    default:
      return undefined
  }
}

const NOBODY: AccountView = {
  equityMicros: 0n,
  cashMicros: 0n,
  marginUsedMicros: 0n,
  maintenanceMicros: 0n,
  freeMicros: 0n,
  paidFundingMicros: 0n,
  paidFeesMicros: 0n,
  positions: [],
}

function roleOf(user: string, { accounts }: ExchangeParts): unknown {
  if (accounts.has(user)) return { role: 'user' }
  const owner = accounts.ownerOf(user)
  return owner === undefined ? { role: 'missing' } : { role: 'agent', data: { user: owner } }
}

const usd = (micros: bigint): string => formatDecimal(micros, MICROS)

function stateOf(view: AccountView, { parts, asOfMs }: Asked) {
  const held = view.positions.reduce((sum, { valueMicros }) => sum + valueMicros, 0n)
  const summary = {
    accountValue: usd(view.equityMicros),
    totalNtlPos: usd(held),
    totalRawUsd: usd(view.cashMicros),
    totalMarginUsed: usd(view.marginUsedMicros),
  }
  return {
    marginSummary: summary,
    crossMarginSummary: summary,
    crossMaintenanceMarginUsed: usd(view.maintenanceMicros),
    withdrawable: usd(view.freeMicros),
    assetPositions: view.positions.map((position) => {
      return { type: 'oneWay', position: positionOf(position, { view, parts }) }
    }),
    time: asOfMs,
  }
}

function positionOf(
  position: PositionView,
  { view, parts }: { view: AccountView; parts: ExchangeParts },
) {
  const { asset, lots, costMicros, valueMicros, unrealizedMicros, leverage } = position
  const market = parts.engine.markets[asset]
  const szDecimals = market?.szDecimals ?? 0
  const unit = 10n ** BigInt(szDecimals)
  const marginUsed = valueMicros / BigInt(leverage)
  const hundredths = marginUsed === 0n ? 0n : (unrealizedMicros * 10_000n) / marginUsed
  const liquidation = liquidationOf(position, { view, unit })
  return {
    coin: market?.symbol ?? '',
    szi: formatDecimal(lots, szDecimals),
    leverage: { type: 'cross', value: leverage },
    entryPx: formatDecimal((costMicros * unit) / lots, MICROS),
    positionValue: usd(valueMicros),
    unrealizedPnl: usd(unrealizedMicros),
    returnOnEquity: formatDecimal(hundredths, 4),
    liquidationPx: liquidation === undefined ? null : usd(liquidation),
    marginUsed: usd(marginUsed),
    maxLeverage: market?.maxLeverage ?? 1,
    cumFunding: { allTime: '0.0', sinceOpen: '0.0', sinceChange: '0.0' },
  }
}

/** Where this market alone would take what the account has above its maintenance margin. */
function liquidationOf(
  { lots, valueMicros }: PositionView,
  { view, unit }: { view: AccountView; unit: bigint },
): bigint | undefined {
  const size = lots < 0n ? -lots : lots
  const spare = ((view.equityMicros - view.maintenanceMicros) * unit) / size
  const mark = (valueMicros * unit) / size
  const price = lots > 0n ? mark - spare : mark + spare
  return price > 0n ? price : undefined
}
