/** A process that lived this long has recovered: its next death counts as a first one. */
const SETTLED_AFTER_MS = 10_000

/**
 * A process that got to work and was killed then (a storm in a test, an operator) is no crash loop:
 * its death takes one off the count that it adds. A crash loop dies sooner, on what it meets first.
 */
const WORKED_AFTER_MS = 2_000

/**
 * Waiting times of the first, second, ... death in a row. The first is at once, so that a killed
 * role is back within its work's patience; the last bounds what a process that cannot start costs.
 */
const DELAYS_MS = [0, 100, 250, 500, 1000, 2000, 5000] as const

/** How long to wait before a dead process is started again. */
export type RestartPolicy = Readonly<{ next: (livedMs: number) => number }>

export function createRestartPolicy(): RestartPolicy {
  let deaths = 0
  return {
    next: (livedMs) => {
      if (livedMs >= SETTLED_AFTER_MS) deaths = 0
      else if (livedMs >= WORKED_AFTER_MS) deaths = Math.max(0, deaths - 1)
      const delay = DELAYS_MS[Math.min(deaths, DELAYS_MS.length - 1)] ?? 0
      deaths = Math.min(deaths + 1, DELAYS_MS.length)
      return delay
    },
  }
}
