import { CliExit, EXIT } from '../../exit-codes.ts'

/**
 * Turns the first Ctrl-C into a signal, so that what is half done can be cleaned away; the second
 * ends at once.
 */
export function interruptible(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController()
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort(new CliExit(EXIT.interrupted, 'Interrupted; nothing was kept.'))
  }
  for (const name of names) process.on(name, stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, stop)
    },
  }
}
