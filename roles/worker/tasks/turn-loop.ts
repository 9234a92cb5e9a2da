import { backoffMs } from '@chimera/runtime/backoff'
import type { Logger } from '@chimera/runtime/log'

/** Takes tasks whose turn it is while there are any. */
export type TurnLoop = AsyncDisposable &
  Readonly<{
    /** A task was met that had waited, or made to wait: there may be others. */
    wake: () => void
  }>

type Options = Readonly<{
  /** Resolves when there is a hand free. */
  room: (signal: AbortSignal) => Promise<void>
  /** Claims and starts some; answers how many. */
  take: () => Promise<number>
  /** Whether any task waits at all. */
  doWait: () => Promise<boolean>
  /** Waits, or until the signal. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>
  log: Logger
}>

/**
 * How often a Worker that knows of none asks for tasks that wait: a crash may have lost the entry
 * that would have said so. As long as a blocking read of a resting role takes.
 */
const LOOK_EVERY_MS = 15_000

/**
 * While some wait that nothing leaves room for: soon at first, for the Judge needs milliseconds for
 * what it has, and should not have to wait for more; then ever later, for a cap may be full of
 * tasks that take long.
 */
const RETRY_MS = 10
const SOON_TRIES = 10
const LONGEST_RETRY_MS = 2_000

const retryMsAfter = (emptyTakes: number): number =>
  Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** Math.max(0, emptyTakes - SOON_TRIES))

/**
 * Runs beside the consumer of doorbells, so that what is rung for never waits behind the queues.
 * Asks nobody while nothing waits, but for one look now and then.
 */
export function openTurnLoop(of: Options): TurnLoop {
  const stopping = new AbortController()
  const { signal } = stopping
  /** Called: since the last look. */
  const state = { isAwake: false, wasCalled: false }
  let running = Promise.resolve()
  let failures = 0
  let emptyTakes = 0
  const round = async (): Promise<void> => {
    await of.room(signal)
    if (signal.aborted) return
    if ((await of.take()) > 0) {
      emptyTakes = 0
      return
    }
    state.wasCalled = false
    const doWait = await of.doWait()
    state.isAwake = doWait || state.wasCalled
    if (!doWait) return
    emptyTakes += 1
    await of.pause(retryMsAfter(emptyTakes), signal)
  }
  const run = async (): Promise<void> => {
    while (state.isAwake && !signal.aborted) {
      try {
        await round()
        failures = 0
      } catch (err) {
        if (signal.aborted) return
        failures += 1
        of.log.warn({ err }, 'tasks that wait for their turn were not taken; trying again')
        await of.pause(backoffMs('batch', failures, Math.random), signal).catch(() => undefined)
      }
    }
  }
  const wake = (): void => {
    state.wasCalled = true
    if (state.isAwake || signal.aborted) return
    state.isAwake = true
    running = running.then(run)
  }
  const look = async (): Promise<void> => {
    // Who fails to look will look again.
    if (!state.isAwake && (await of.doWait().catch(() => false))) wake()
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  void look()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      stopping.abort()
      await running
    },
  }
}
