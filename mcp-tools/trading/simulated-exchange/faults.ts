import { SimulatedControl } from '@chimera/contracts/observable'
import { z } from 'zod'

/** What ends a request that was not looked at. */
const FaultBefore = z.enum(['5xx', '429', 'reset_before', 'timeout_before'])
/** What the exchange says instead of doing it: one error inside `ok`, or a word on top. */
const FaultInstead = z.enum(['reject_inside', 'err', '403_duplicate'])
/** What becomes of what was accepted. */
const FaultAfter = z.enum(['cut', 'hang', '5xx_after'])
const Fault = z.enum([
  ...FaultBefore.options,
  ...FaultInstead.options,
  ...FaultAfter.options,
  /** Arrives this much later, whether its sender still waits or not. */
  'late',
  /** Fills this share of the order at most; the rest rests or is given up. */
  'partial_fill',
])
export type Fault = z.infer<typeof Fault>

const MAX_MS = 86_400_000

/**
 * `POST /__control`: the contract, and what only this process knows. Every part is optional and
 * leaves the rest as it is; `fault: 'none'` takes all faults back. `match` is a part of the body's
 * text. `on: 'info'` puts the fault on questions instead of on actions.
 */
export const ExchangeControl = SimulatedControl.extend({
  fault: z.enum(['none', ...Fault.options]).optional(),
  on: z.enum(['exchange', 'info']).optional(),
  /** Of a `late` one. */
  delay_ms: z.int().nonnegative().max(MAX_MS).optional(),
  /** Of a `partial_fill`, in hundredths. */
  percent: z.int().min(1).max(99).optional(),
  /** The exchange's words of a `reject_inside` or an `err`. */
  words: z.string().min(1).max(300).optional(),
  /** Which half of `duplicate_check` alone. */
  nonce_check: z.boolean().optional(),
  cloid_check: z.boolean().optional(),
  /** How much the exchange's clock is ahead of this machine's; behind when below 0. */
  clock_skew_ms: z.int().min(-MAX_MS).max(MAX_MS).optional(),
  /** Prices stand still in answers while the market moves. */
  stale_mids: z.boolean().optional(),
  /** Fills come twice, and in no order. */
  shuffled_fills: z.boolean().optional(),
  /** Weights a minute before a 429; the exchange's own are 1,200. */
  weight_limit: z.int().positive().max(10_000_000).optional(),
  /** Middle prices by coin, for good; an empty one gives the market back to the candles. */
  prices: z.record(z.string(), z.string()).optional(),
  /** What stands on each side of a set price, by coin, in whole coins. */
  depth: z.record(z.string(), z.string()).optional(),
})
export type ExchangeControl = z.infer<typeof ExchangeControl>

/** Faults wait in the order in which they came. More than this at once is a mistake. */
const MAX_FAULTS = 1_000
const DEFAULT_PERCENT = 50

export type PlannedFault = Readonly<{
  fault: Fault
  on: 'exchange' | 'info'
  match: string | undefined
  delayMs: number
  percent: number
  words: string | undefined
}>
type Waiting = PlannedFault & { left: number }

export type Faults = Readonly<{
  /** Throws RangeError when too many wait. */
  plan: (control: ExchangeControl) => void
  /** The first fault of one of these kinds that such a request meets; used up by one. */
  take: (
    kinds: ReadonlySet<Fault>,
    on: 'exchange' | 'info',
    text: string,
  ) => PlannedFault | undefined
  list: () => readonly PlannedFault[]
}>

export const BEFORE: ReadonlySet<Fault> = new Set(FaultBefore.options)
export const INSTEAD: ReadonlySet<Fault> = new Set(FaultInstead.options)
export const AFTER: ReadonlySet<Fault> = new Set(FaultAfter.options)
export const LATE: ReadonlySet<Fault> = new Set<Fault>(['late'])
export const PARTIAL: ReadonlySet<Fault> = new Set<Fault>(['partial_fill'])

export function openFaults(): Faults {
  const waiting: Waiting[] = []
  return {
    plan: (control) => {
      const { fault, on = 'exchange', match, times = 1 } = control
      if (fault === undefined) return
      if (fault === 'none') {
        waiting.length = 0
        return
      }
      if (waiting.length >= MAX_FAULTS) throw new RangeError(`More than ${MAX_FAULTS} faults wait.`)
      const { delay_ms: delayMs = 0, percent = DEFAULT_PERCENT, words } = control
      waiting.push({ fault, on, match, delayMs, percent, words, left: times })
    },
    take: (kinds, on, text) => {
      const index = waiting.findIndex(
        (each) =>
          kinds.has(each.fault) &&
          each.on === on &&
          (each.match === undefined || text.includes(each.match)),
      )
      const found = waiting[index]
      if (found === undefined) return undefined
      found.left -= 1
      if (found.left === 0) waiting.splice(index, 1)
      return found
    },
    list: () => structuredClone(waiting),
  }
}
