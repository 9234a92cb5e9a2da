import { MAX_DELIVERIES_ALONE, type WorkStream } from '@chimera/contracts/streams'

import { deadLetter } from '../dead-letter.ts'
import {
  STALE_PER_CALL,
  type ConsumerGroup,
  type Delivered,
  type Pending,
} from './consumer-group.ts'
import type { LetterDesk } from './letter-desk.ts'
import { COMPANY, DELIVERIES_IN_COMPANY } from './suspects.ts'

/** Finds entries that were delivered and never acknowledged. */
export type Recovery = Readonly<{
  /** What is pending with this consumer: left by its last life, or by an answer that got lost. */
  recoverOwn: (stream: WorkStream) => Promise<void>
  /** What others left pending; says whether there may be more. */
  recoverStale: (stream: WorkStream) => Promise<boolean>
}>

/**
 * Entries come again in ever smaller company, the more often they were delivered, and at last
 * alone: one delivery at a time, so that the count of an innocent neighbour does not rise when a
 * process dies of one of them. What five processes died of alone is dead without a further try.
 */
export function openRecovery(options: {
  group: ConsumerGroup
  run: (delivered: readonly Delivered[]) => Promise<void>
  desk: LetterDesk
  /** Entries that the runner holds are not delivered again. */
  isHeld: (stream: WorkStream, id: string) => boolean
  maxBatch: number
  minIdleMs: number
}): Recovery {
  const { group, run, desk, maxBatch } = options

  const bury = async (stream: WorkStream, { id, deliveries }: Pending): Promise<void> => {
    const entry = await group.find(stream, id)
    const reason =
      `It was delivered ${deliveries} times, at last alone, and each time the process died ` +
      'before it was acknowledged.'
    const letters =
      entry === undefined ? [] : [deadLetter({ stream, entry, code: 'INVARIANT', reason })]
    await desk.close(new Map([[stream, [id]]]), letters)
  }

  const isHopeless = ({ deliveries }: Pending): boolean =>
    deliveries - DELIVERIES_IN_COMPANY >= MAX_DELIVERIES_ALONE

  const recover = async (stream: WorkStream, page: readonly Pending[]): Promise<void> => {
    const open = page.filter(({ id }) => !options.isHeld(stream, id))
    const byCount = Map.groupBy(open, ({ deliveries }) =>
      Math.min(deliveries, DELIVERIES_IN_COMPANY),
    )
    // The least suspected first: most of what is pending is nobody's murderer.
    for (const [count, entries] of [...byCount].toSorted(([a], [b]) => a - b)) {
      const size = Math.min(COMPANY[count] ?? 1, maxBatch)
      for (let from = 0; from < entries.length; from += size) {
        const company = entries.slice(from, from + size)
        const hopeless = company.filter(isHopeless)
        for (const worn of hopeless) await bury(stream, worn)
        const others = company.filter((entry) => !isHopeless(entry))
        if (others.length > 0) await run(await group.claim(stream, others))
      }
    }
  }

  const recoverOwn = async (stream: WorkStream): Promise<void> => {
    let after: string | undefined
    for (;;) {
      const page = await group.findPending(stream, after, maxBatch)
      await recover(stream, page)
      after = page.at(-1)?.id
      if (page.length < maxBatch) return
    }
  }

  return {
    recoverOwn,
    recoverStale: async (stream) => {
      const claimed = await group.claimStale(stream, options.minIdleMs)
      if (claimed > 0) await recoverOwn(stream)
      return claimed >= STALE_PER_CALL
    },
  }
}
