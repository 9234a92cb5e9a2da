import { RetryableError, type ErrorCode } from '@chimera/contracts/errors'
import { MAX_DELIVERIES_ALONE, type WorkStream } from '@chimera/contracts/streams'
import type { Logger } from '@chimera/runtime/log'

import { deadLetter, type DeadLetter } from '../dead-letter.ts'
import { isMalformed, parseEntry, type Entry, type Unparsed } from '../parse-entry.ts'
import type { Settlements } from '../settlement.ts'
import type { Delivered, EntryIds } from './consumer-group.ts'
import { addTo, type LetterDesk } from './letter-desk.ts'
import type { Patience } from './patience.ts'
import { codeOf, type Suspects } from './suspects.ts'

export type Handle<T> = (
  batch: readonly Entry<T>[],
  signal: AbortSignal,
) => Promise<Settlements<T> | void>

/** Deals with delivered entries until each is acknowledged, or waits to be tried again alone. */
export type BatchRunner = Readonly<{
  run: (delivered: readonly Delivered[]) => Promise<void>
  /** Tries those again that failed alone and whose wait is over. */
  runSuspects: () => Promise<void>
}>

/**
 * About a minute of a database that is away. Then the batch is halved after all: one entry may be
 * the reason, and the others need not wait for it. Alone it is left pending, and comes again when
 * stale.
 */
const MAX_TRIES = 20
/** Of a part of a batch that has been tried for long already. */
const MAX_TRIES_OF_PART = 3

type Part<T> = readonly Entry<T>[]

export function openBatchRunner<T>(options: {
  parse: (unparsed: Unparsed) => T
  handle: Handle<T>
  desk: LetterDesk
  suspects: Suspects<T>
  /** Sets the count of deliveries back. */
  forgive: (innocent: EntryIds) => Promise<void>
  patience: Patience
  log: Logger
  signal: AbortSignal
}): BatchRunner {
  const { desk, suspects, patience, log } = options

  const settle = async (part: Part<T>, settlements: Settlements<T>): Promise<void> => {
    const { done, letters } = sorted(part, settlements)
    await desk.close(done, letters)
    for (const entry of part) suspects.forget(entry)
  }

  const fail = async (entry: Entry<T>, err: unknown): Promise<void> => {
    const { failures, history } = suspects.add(entry, err)
    log.warn({ err, stream: entry.stream, entry: entry.id, failures }, 'an entry failed alone')
    if (failures < MAX_DELIVERIES_ALONE) return
    const reason = `It failed alone ${failures} times; the last failure: ${messageOf(err)}`
    const letter = { ...letterOf(entry, { code: codeOf(err), reason }), history }
    await desk.close(new Map(), [letter])
    suspects.forget(entry)
  }

  /** Answers whether the part is dealt with; if not, its halves have to be tried. */
  const attempt = async (part: Part<T>, maxTries = MAX_TRIES): Promise<boolean> => {
    for (let tries = 1; ; tries += 1) {
      const outcome = await tryOnce(() => options.handle(part, options.signal))
      if ('value' in outcome) {
        await settle(part, outcome.value ?? new Map())
        return true
      }
      const { error: err } = outcome
      patience.rethrowIfOver(err)
      const [first] = part
      const isAlone = part.length === 1
      if (!(err instanceof RetryableError)) {
        if (isAlone && first !== undefined) await fail(first, err)
        return isAlone
      }
      if (tries >= maxTries) {
        log.error({ err, entries: part.length, tries }, 'a batch failed for too long')
        return isAlone
      }
      if (tries === 1) {
        log.warn({ err, entries: part.length }, 'a batch has to wait')
        // Or restarts during a long outage would count as deaths, and end in a dead letter.
        await options.forgive(idsOf(part))
      }
      await patience.wait(tries, err)
    }
  }

  return {
    run: async (delivered) => {
      const good: Entry<T>[] = []
      const letters: DeadLetter[] = []
      for (const { stream, raw, deliveries } of delivered) {
        const parsed = parseEntry({ stream, raw, deliveries, parse: options.parse })
        if (isMalformed(parsed)) letters.push(deadLetter({ stream, entry: raw, ...parsed }))
        else good.push(parsed)
      }
      await inHalves(good, attempt)
      if (letters.length > 0) await desk.close(new Map(), letters)
    },
    runSuspects: async () => {
      for (const entry of suspects.due()) await attempt([entry])
    },
  }
}

/** The whole batch first; what cannot be dealt with is halved, down to single entries. */
async function inHalves<T>(
  batch: Part<T>,
  attempt: (part: Part<T>, maxTries?: number) => Promise<boolean>,
): Promise<void> {
  const parts: Part<T>[] = batch.length === 0 ? [] : [batch]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (await attempt(part, part === batch ? undefined : MAX_TRIES_OF_PART)) continue
    const middle = Math.ceil(part.length / 2)
    parts.push(part.slice(middle), part.slice(0, middle))
  }
}

/** What can be acknowledged at once, and what needs a letter before. */
function sorted<T>(
  part: Part<T>,
  settlements: Settlements<T>,
): { done: Map<WorkStream, string[]>; letters: DeadLetter[] } {
  const letters: DeadLetter[] = []
  const done = new Map<WorkStream, string[]>()
  for (const entry of part) {
    const settlement = settlements.get(entry)
    if (settlement?.outcome === 'dead') letters.push(letterOf(entry, settlement))
    else addTo(done, entry.stream, entry.id)
  }
  return { done, letters }
}

function idsOf(part: Part<unknown>): EntryIds {
  const ids = new Map<WorkStream, string[]>()
  for (const { stream, id } of part) addTo(ids, stream, id)
  return ids
}

async function tryOnce<V>(run: () => Promise<V>): Promise<{ value: V } | { error: unknown }> {
  try {
    return { value: await run() }
  } catch (error) {
    return { error }
  }
}

function letterOf(
  entry: Entry<unknown>,
  { code, reason }: { code: ErrorCode; reason: string },
): DeadLetter {
  return deadLetter({ stream: entry.stream, entry: entry.raw, code, reason })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
