/**
 * A detached stack outlives whoever started it: a bench that is interrupted takes it down first.
 */
export function stopOnSignal(stop: () => void): Disposable {
  const obey = (): void => {
    stop()
    process.exit(130)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, obey)
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, obey)
    },
  }
}
