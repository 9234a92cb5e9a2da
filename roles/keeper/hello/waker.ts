/** Ends one wait early. */
export type Waker = {
  wake(): void
  /**
   * Settles at the next `wake`, at once when there was one since the last wait, or at the abort.
   */
  woken(signal: AbortSignal): Promise<undefined>
}

export function openWaker(): Waker {
  let wasWoken = false
  let end: (() => void) | undefined
  return {
    wake: () => {
      wasWoken = true
      end?.()
    },
    async woken(signal) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      end = () => resolve(undefined)
      signal.addEventListener('abort', end, { once: true })
      if (!wasWoken && !signal.aborted) await promise
      signal.removeEventListener('abort', end)
      end = undefined
      wasWoken = false
      return undefined
    },
  }
}
