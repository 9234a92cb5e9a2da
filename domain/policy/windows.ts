import type {
  PolicyAction,
  PolicyConditions,
  WindowScope,
} from '@chimera/contracts/policy/policy-document'

import { MUTATING_ACTIONS } from './actions.ts'
import type { CanonicalRequest } from './canonical-request.ts'

/** What a rule wants to know of the past: effects or money of some actions in a sliding window. */
export type Window = Readonly<{
  /** `effects`, `usd` (micros), or the base units of an asset. */
  measure: string
  per: WindowScope
  seconds: number
  /** Sorted; they are counted together. */
  actions: readonly PolicyAction[]
  /** `count/agent/86400s/order`: how a request names what it held. */
  name: string
}>

/** A window of one subject: what the record is asked for, and what is locked. */
export type WindowQuery = Readonly<{ tenant: string; subject: string; window: Window }>

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const
/** Longer windows are refused by `lint`: what is older is not looked at quickly enough. */
export const MAX_WINDOW_SECONDS = 31 * 86_400

/** Seconds of `15m`, `24h`, `7d`. */
export function secondsOf(duration: string): number {
  const [, count = '', unit = 's'] = /^(\d+)([smhd])$/.exec(duration) ?? []
  return Number(count) * UNIT_SECONDS[unit === 'm' || unit === 'h' || unit === 'd' ? unit : 's']
}

type Counted = NonNullable<PolicyConditions['count']> | NonNullable<PolicyConditions['sum']>

/** The window of a condition. */
export function windowOf(condition: Counted): Window {
  const measure = 'unit' in condition ? condition.unit : 'effects'
  const { per } = condition
  const seconds = secondsOf(condition.window)
  const actions = [...new Set(condition.actions ?? MUTATING_ACTIONS)].toSorted()
  const named = condition.actions === undefined ? '*' : actions.join('+')
  const kind = measure === 'effects' ? 'count' : `sum-${measure}`
  return { measure, per, seconds, actions, name: `${kind}/${per}/${seconds}s/${named}` }
}

/** Whose effects the window counts for this request; nothing when it has no such subject. */
export function subjectOf(per: WindowScope, request: CanonicalRequest): string | undefined {
  return request[per]
}

/** What this request itself adds to the window; undefined: nobody can say. */
export function ownShare(window: Window, request: CanonicalRequest): bigint | undefined {
  if (!window.actions.includes(request.action)) return 0n
  if (window.measure === 'effects') return 1n
  if (window.measure === 'usd') {
    const isFree = request.amount === undefined && request.usdMicros === undefined
    return isFree ? 0n : request.usdMicros
  }
  return request.asset === window.measure ? request.amount : 0n
}

/** One text for a window of one subject. */
export const windowKey = ({ tenant, subject, window }: WindowQuery): string =>
  `${tenant} ${window.name} ${subject}`
