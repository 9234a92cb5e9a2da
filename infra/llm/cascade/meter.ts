import type { Logger } from '@chimera/runtime/log'

import type { Spent } from './hop.ts'
import type { Tier } from './tier.ts'

/** What one tier made of its questions since it was last written down. */
export type Counted = {
  readonly tier: Tier
  total: number
  ok: number
  failed: number
  latencyMs: number
  input: number
  output: number
  usdMicros: bigint
  lastError: string | null
}

/** Counts what becomes of questions, and writes it down now and then. */
export type Meter = AsyncDisposable &
  Readonly<{
    count: (tier: Tier, of: { spent: Spent; ms: number; error: string | undefined }) => void
  }>

/** Whichever comes first. Who is killed in between loses so much of the figures, no more. */
const EVERY_QUESTIONS = 20
const EVERY_MS = 2_000

/** `write` adds to what is written down; disposing writes the rest. */
export function openMeter(of: {
  write: (counted: readonly Counted[]) => Promise<void>
  log: Logger
}): Meter {
  let open = new Map<string, Counted>()
  let questions = 0
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    const counted = [...open.values()]
    open = new Map()
    questions = 0
    if (counted.length === 0) return
    // One after the other, and nobody who asks a model waits for it.
    writing = writing
      .then(() => of.write(counted))
      .catch((err: unknown) => of.log.warn({ err }, 'figures of models were not written down'))
  }
  return {
    count: (tier, { spent, ms, error }) => {
      const row = open.get(tier.circuit) ?? fresh(tier)
      open.set(tier.circuit, row)
      row.total += 1
      if (error === undefined) row.ok += 1
      else row.failed += 1
      row.latencyMs += Math.round(ms)
      row.input += spent.input
      row.output += spent.output
      row.usdMicros += spent.usdMicros
      row.lastError = error ?? row.lastError
      questions += 1
      if (questions >= EVERY_QUESTIONS) flush()
      else timer ??= setTimeout(flush, EVERY_MS).unref()
    },
    [Symbol.asyncDispose]: () => {
      flush()
      return writing
    },
  }
}

/** For a process without a record: figures are nobody's. */
export const uncountedMeter: Meter = {
  count: () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

const fresh = (tier: Tier): Counted => ({
  tier,
  total: 0,
  ok: 0,
  failed: 0,
  latencyMs: 0,
  input: 0,
  output: 0,
  usdMicros: 0n,
  lastError: null,
})
