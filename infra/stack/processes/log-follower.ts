/** How a server says by its log that it is up. */
export type LogReadiness = Readonly<{
  kind: 'log'
  /** It wrote a line with these words since it was started. */
  words: string
  recovery?: Recovery | undefined
}>

/** A server that falls back into recovery without ending, and how long that may take. */
export type Recovery = Readonly<{
  /** With these words it takes its readiness back. */
  begins: string
  /** Words of one that is at work: the patience begins anew. */
  goesOn: string
  /** Not ready for so long without a word of work, it hangs. */
  patienceMs: number
}>

/** Follows what one life of a process writes. */
export type LogFollower = Disposable &
  Readonly<{
    hear: (chunk: Buffer) => void
    isReady: () => boolean
  }>

/**
 * Opens a follower for one life; the patience of its recovery begins now. `onStuck` is called once.
 */
export function followLog(readiness: LogReadiness, onStuck: () => void): LogFollower {
  const { words, recovery } = readiness
  let isReady = false
  let timer: NodeJS.Timeout | undefined
  const wait = (): void => {
    clearTimeout(timer)
    timer = isReady || recovery === undefined ? undefined : setTimeout(onStuck, recovery.patienceMs)
  }
  wait()
  return {
    isReady: () => isReady,
    // Servers write their line in one piece, and Node reads a pipe in pieces of 64 KiB.
    hear: (chunk) => {
      const wasReady = isReady
      const readyAt = chunk.lastIndexOf(words)
      const relapseAt = recovery === undefined ? -1 : chunk.lastIndexOf(recovery.begins)
      if (readyAt !== relapseAt) isReady = readyAt > relapseAt
      const isAtWork = recovery !== undefined && chunk.includes(recovery.goesOn)
      if (isReady !== wasReady || isAtWork) wait()
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
