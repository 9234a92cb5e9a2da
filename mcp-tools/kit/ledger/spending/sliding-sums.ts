import { InvariantError } from '@chimera/contracts/errors'

import type { Spend } from '../../provider/exchange.ts'
import { WINDOWS_MS } from '../entry-statements.ts'

/** A sum over a window; `count` counts effects. */
export type Spent = Readonly<{ amount: bigint; usdMicros: bigint; count: number }>

/** Which spends a sum is of: all, of one asset, to one recipient. */
export type SpentOf = Readonly<{ asset?: string; recipient?: string }>

/** What one effect took, and when it can have left. */
export type SpentRow = Readonly<{ grantId: string; leftByMs: number; spends: readonly Spend[] }>

type Sum = { amount: bigint; usdMicros: bigint; count: number }
type Window = { readonly of: SpentOf; readonly ms: number; sinceMs: number; readonly sum: Sum }

/** Fifty assets in three windows, the totals, and some room; above it all are summed afresh. */
const MAX_WINDOWS = 512
/** Rows that no window reaches any more are let go of by so many. */
const PRUNE_AT = 1_000

/**
 * Sums over what has left in the last hours and days, which cost the same however much that is: a
 * row is added when it comes, and taken away when a window slides past it. `rows` are kept in the
 * order of their times, and mostly come in it.
 */
export function openSlidingSums() {
  const rows: SpentRow[] = []
  const known = new Set<string>()
  const windows = new Map<string, Window>()

  const slide = (window: Window, sinceMs: number): void => {
    const [from, to] = [after(rows, window.sinceMs), after(rows, sinceMs)]
    const [sign, low, high] = from <= to ? [-1, from, to] : [1, to, from]
    for (const row of rows.slice(low, high)) count(window, row, sign === 1 ? 1 : -1)
    window.sinceMs = sinceMs
  }
  const open = (key: string, of: SpentOf, ms: number, sinceMs: number): Window => {
    if (windows.size >= MAX_WINDOWS) windows.clear()
    const window = { of, ms, sinceMs, sum: { amount: 0n, usdMicros: 0n, count: 0 } }
    for (const row of rows.slice(after(rows, sinceMs))) count(window, row, 1)
    windows.set(key, window)
    return window
  }
  const prune = (nowMs: number): void => {
    const gone = after(rows, nowMs - WINDOWS_MS)
    if (gone < PRUNE_AT) return
    for (const window of windows.values()) slide(window, nowMs - window.ms)
    for (const { grantId } of rows.splice(0, gone)) known.delete(grantId)
  }
  return {
    knows: (grantId: string): boolean => known.has(grantId),
    add: (row: SpentRow): void => {
      known.add(row.grantId)
      rows.splice(after(rows, row.leftByMs), 0, row)
      for (const window of windows.values()) {
        if (row.leftByMs > window.sinceMs) count(window, row, 1)
      }
    },
    /** What left in the last `ms`, that is at > nowMs - ms. `nowMs` never falls. */
    sum: (of: SpentOf & { ms: number; nowMs: number }): Spent => {
      const { ms, nowMs, asset, recipient } = of
      if (ms > WINDOWS_MS) throw new InvariantError(`No window reaches ${ms} ms back.`)
      prune(nowMs)
      const key = JSON.stringify([ms, asset, recipient])
      const sinceMs = nowMs - ms
      const window = windows.get(key) ?? open(key, of, ms, sinceMs)
      slide(window, sinceMs)
      return { ...window.sum }
    },
    clear: (): void => {
      rows.length = 0
      known.clear()
      windows.clear()
    },
  }
}

/** What one effect adds to a sum; amounts of different assets have none. */
export function spentIn({ asset, recipient }: SpentOf, spends: readonly Spend[]): Spent {
  let [amount, usdMicros, n] = [0n, 0n, 0]
  for (const spend of spends) {
    if (asset !== undefined && spend.asset !== asset) continue
    if (recipient !== undefined && spend.recipient !== recipient) continue
    if (asset !== undefined) amount += spend.amount
    usdMicros += spend.usdMicros
    n = 1
  }
  return { amount, usdMicros, count: n }
}

function count({ of, sum }: Window, row: SpentRow, sign: 1 | -1): void {
  const { amount, usdMicros, count: n } = spentIn(of, row.spends)
  sum.amount += BigInt(sign) * amount
  sum.usdMicros += BigInt(sign) * usdMicros
  sum.count += sign * n
}

/** Where the rows begin that left later than that, by halving. */
function after(rows: readonly SpentRow[], sinceMs: number): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle]?.leftByMs ?? Infinity) <= sinceMs) low = middle + 1
    else high = middle
  }
  return low
}
