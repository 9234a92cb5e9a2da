import type { IncomingMessage } from 'node:http'

import { isFromThisMachine } from '@chimera/mcp-kit/simulation/from-this-machine'
import { z } from 'zod'

import type { Answer } from './decide-exchange.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { ExchangeControl } from './faults.ts'
import type { MarketFeed } from './market-feed.ts'

/** What the control moves beside the faults. */
export type Controlled = Readonly<{
  parts: ExchangeParts
  feed: MarketFeed
  /** Brings the market up to now, so that what is set is met from now on. */
  advance: () => void
}>

/**
 * `GET` and `POST /__control`: how a test or an operator tells this exchange to fail and where its
 * prices go.
 */
export function answerControl(
  request: IncomingMessage,
  body: unknown,
  controlled: Controlled,
): Answer {
  if (!isFromThisMachine(request)) return { status: 403, body: '/__control is for loopback only' }
  if (request.method === 'GET') return { status: 200, body: stateOf(controlled.parts) }
  const control = ExchangeControl.safeParse(body)
  if (!control.success) return { status: 400, body: z.prettifyError(control.error) }
  try {
    apply(control.data, controlled)
  } catch (cause) {
    return { status: 400, body: cause instanceof Error ? cause.message : String(cause) }
  }
  return { status: 200, body: stateOf(controlled.parts) }
}

function apply(control: ExchangeControl, { parts, feed, advance }: Controlled): void {
  const { settings, engine } = parts
  parts.faults.plan(control)
  const { duplicate_check: both } = control
  settings.nonceCheck = control.nonce_check ?? both ?? settings.nonceCheck
  settings.cloidCheck = control.cloid_check ?? both ?? settings.cloidCheck
  settings.clockSkewMs = control.clock_skew_ms ?? settings.clockSkewMs
  settings.lagMs = control.timeline_delay_ms ?? settings.lagMs
  settings.shuffledFills = control.shuffled_fills ?? settings.shuffledFills
  settings.weightLimit = control.weight_limit ?? settings.weightLimit
  if (control.stale_mids === true) {
    advance()
    const shown = engine.markets.flatMap((_, asset) => {
      const quote = engine.quote(asset)
      return quote === undefined ? [] : [[asset, quote] as const]
    })
    settings.stale = { quotes: new Map(shown), sinceMs: parts.now() - settings.lagMs }
  } else if (control.stale_mids === false) settings.stale = undefined
  if (control.prices === undefined && control.depth === undefined) return
  advance()
  feed.setDepth(control.depth ?? {})
  feed.setPrices(control.prices ?? {})
  advance()
}

function stateOf({ faults, settings }: ExchangeParts): unknown {
  return {
    faults: faults.list(),
    nonce_check: settings.nonceCheck,
    cloid_check: settings.cloidCheck,
    clock_skew_ms: settings.clockSkewMs,
    timeline_delay_ms: settings.lagMs,
    stale_mids: settings.stale !== undefined,
    shuffled_fills: settings.shuffledFills,
    weight_limit: settings.weightLimit,
  }
}
