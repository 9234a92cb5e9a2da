import { ChimeraError, type ErrorCode } from '@chimera/contracts/errors'
import type { WorkStream } from '@chimera/contracts/streams'
import { backoffMs } from '@chimera/runtime/backoff'

import { readable, type Failure } from '../dead-letter.ts'
import type { Entry } from '../parse-entry.ts'

/**
 * In what company an entry comes again, by how often it was delivered without a verdict. Halving
 * a batch of 500 one life at a time would take nine lives; one at a time from the second life on
 * would have a killed process work for half a minute through a page of innocents (decision 0006).
 */
export const COMPANY = [500, 500, 64, 8] as const

/** Delivered in company so often; after that an entry is read alone, and each time counts. */
export const DELIVERIES_IN_COMPANY = COMPANY.length

const MAX_HISTORY = 10

type Suspect<T> = Readonly<{
  entry: Entry<T>
  /** How often it failed alone: here, and in processes that died of it. */
  failures: number
  dueAt: number
  history: readonly Failure[]
}>

/** Entries that failed alone and wait to be tried again. */
export type Suspects<T> = Readonly<{
  /** Counts a failure and sets the next time. */
  add: (entry: Entry<T>, error: unknown) => Suspect<T>
  forget: (entry: Entry<T>) => void
  has: (stream: WorkStream, id: string) => boolean
  count: () => number
  due: () => Entry<T>[]
  /** Milliseconds until the first one is due; nothing when there is none. */
  nextMs: () => number | undefined
}>

export function openSuspects<T>(options: { random: () => number; now: () => number }): Suspects<T> {
  const { random, now } = options
  const suspects = new Map<string, Suspect<T>>()
  return {
    add: (entry, error) => {
      const known = suspects.get(keyOf(entry.stream, entry.id))
      const failures = (known?.failures ?? failuresBefore(entry.deliveries)) + 1
      const suspect = {
        entry,
        failures,
        dueAt: now() + backoffMs('batch', failures, random),
        history: [...(known?.history ?? []), failureOf(error, now())].slice(-MAX_HISTORY),
      }
      suspects.set(keyOf(entry.stream, entry.id), suspect)
      return suspect
    },
    forget: (entry) => void suspects.delete(keyOf(entry.stream, entry.id)),
    has: (stream, id) => suspects.has(keyOf(stream, id)),
    count: () => suspects.size,
    due: () =>
      [...suspects.values()].filter(({ dueAt }) => dueAt <= now()).map(({ entry }) => entry),
    nextMs: () => {
      if (suspects.size === 0) return undefined
      const first = Math.min(...[...suspects.values()].map(({ dueAt }) => dueAt))
      return Math.max(first - now(), 0)
    },
  }
}

/** Each delivery alone, before this one, ended without a verdict: a process died of it. */
export function failuresBefore(deliveries: number): number {
  return Math.max(deliveries - 1 - DELIVERIES_IN_COMPANY, 0)
}

/** The code that a letter carries for an error; a defect of ours has no better one. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof ChimeraError ? error.code : 'INVARIANT'
}

function failureOf(error: unknown, now: number): Failure {
  const message = readable(error instanceof Error ? error.message : String(error))
  return { at: new Date(now).toISOString(), code: codeOf(error), message }
}

function keyOf(stream: WorkStream, id: string): string {
  return `${stream} ${id}`
}
