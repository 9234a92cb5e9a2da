/** How far something has got, and when it is likely to be done. */
export type Progress = Readonly<{
  done: number
  total: number
  /** Of this run. */
  per_second: number
  /** Nothing as long as nothing was done. */
  seconds_left: number | null
}>

/**
 * Counts what is done of `total`; what was done before this run counts towards the total and says
 * nothing about its pace.
 */
export function openProgress(of: { total: number; now?: () => number }): {
  /** `fast`: what was done already and only looked at. */
  add: (done: { slow: number; fast?: number }) => Progress
} {
  const { now = () => performance.now() } = of
  const since = now()
  let [done, slow] = [0, 0]
  return {
    add: (more) => {
      const { total } = of
      slow += more.slow
      // What came meanwhile, or is looked at once more, is not of the total.
      done = Math.min(total, done + more.slow + (more.fast ?? 0))
      const seconds = (now() - since) / 1_000
      const pace = seconds > 0 ? slow / seconds : 0
      const left = pace > 0 ? Math.ceil((total - done) / pace) : null
      return { done, total, per_second: Math.round(pace * 10) / 10, seconds_left: left }
    },
  }
}

/** In words, as in `128 of 10,000 memories, 412/s, 24 s left`. */
export function progressLine({ done, total, ...pace }: Progress): string {
  const [n, of] = [done.toLocaleString('en'), total.toLocaleString('en')]
  const left = pace.seconds_left === null ? '' : `, ${pace.seconds_left} s left`
  return `${n} of ${of} memories, ${pace.per_second}/s${left}`
}
