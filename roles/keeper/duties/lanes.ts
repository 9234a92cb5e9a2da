import type { Logger } from '@chimera/runtime/log'

/**
 * One lane per tool server: what is done there is done one after the other, and a server that hangs
 * holds up its own lane only.
 */
export type Lanes = AsyncDisposable & {
  /** Starts the work unless its lane is busy; then there will be another sweep. Never throws. */
  start(lane: string, work: (signal: AbortSignal) => Promise<void>): boolean
}

export function openLanes(of: { log: Logger }): Lanes {
  const busy = new Map<string, Promise<void>>()
  const closing = new AbortController()
  return {
    start(lane, work) {
      if (busy.has(lane) || closing.signal.aborted) return false
      const done = work(closing.signal)
        .catch((err: unknown) => {
          if (!closing.signal.aborted)
            of.log.warn({ err, lane }, 'a tool server could not be served')
        })
        .finally(() => busy.delete(lane))
      busy.set(lane, done)
      return true
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await Promise.all(busy.values())
    },
  }
}
