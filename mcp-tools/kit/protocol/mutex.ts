import { RetryableError } from '@chimera/contracts/errors'

/** Runs one piece of work at a time, in the order of asking. */
export type Mutex = <T>(work: () => Promise<T>) => Promise<T>

/** More than this many callers in line are turned away. */
const MAX_WAITING = 1000

export function createMutex(): Mutex {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  return async (work) => {
    if (waiting >= MAX_WAITING) {
      throw new RetryableError('RATE_LIMITED', `${MAX_WAITING} calls of this account are in line.`)
    }
    waiting += 1
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      waiting -= 1
    }
  }
}
