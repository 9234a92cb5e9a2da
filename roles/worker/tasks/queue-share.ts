import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { delay } from '@chimera/runtime/backoff'

import { openCompany } from './company.ts'
import { openCourtesy } from './courtesy.ts'
import type { Hands } from './hands.ts'

/** What of a Worker the tasks may have that waited for their turn. */
export type QueueShare = Readonly<{
  /** Tasks were claimed. */
  note: (tasks: readonly Pick<ClaimedTask, 'tenantId' | 'didWait'>[]) => void
  /** Resolves when some may be taken. Throws the reason of the signal. */
  room: (signal: AbortSignal) => Promise<void>
  /** How many, and while how many results wait for the Judge. */
  most: () => Readonly<{ most: number; mostUnjudged: number }>
}>

/**
 * What is taken from the queues, beside the others, so that neither keeps the other waiting: what
 * is rung for finds a hand free, and what waits for its turn has one, however much is rung for.
 * Nothing more is taken while so many results wait for the Judge.
 *
 * Whoever comes next meets that much in each role. So it is little in company: with 250 and 500 a
 * tenant's ten tasks took two to four times as long beside another's queue as alone, with 64 up to
 * twice. A tenant that is alone has nobody to wait for it, and small batches cost it a third of its
 * speed.
 */
const FROM_QUEUES = {
  alone: { mostInHand: 250, mostUnjudged: 500 },
  inCompany: { mostInHand: 64, mostUnjudged: 64 },
} as const

/** `now` in milliseconds, of a clock that only goes forward. */
export function openQueueShare(
  hands: Pick<Hands, 'fromQueues' | 'roomForQueues'>,
  now: () => number,
): QueueShare {
  const company = openCompany(now)
  const courtesy = openCourtesy(now)
  const share = () => (company.isMixed() ? FROM_QUEUES.inCompany : FROM_QUEUES.alone)
  return {
    note: (tasks) => {
      company.note(tasks.map(({ tenantId }) => tenantId))
      if (tasks.some(({ didWait }) => !didWait)) courtesy.note()
    },
    room: async (signal) => {
      await hands.roomForQueues(share().mostInHand, signal)
      const ms = company.isMixed() ? courtesy.owed() : 0
      if (ms > 0) await delay(ms, signal)
    },
    most: () => {
      const { mostInHand, mostUnjudged } = share()
      // More may be in hand than there should be, where company came meanwhile.
      return { most: Math.max(1, mostInHand - hands.fromQueues()), mostUnjudged }
    },
  }
}
