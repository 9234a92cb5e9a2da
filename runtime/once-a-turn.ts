/**
 * A look at the outside that everything asks for: within one turn of the event loop it is taken
 * once, whoever asks. Requests that came in together so share what one of them would have seen.
 *
 * @throws what `look` throws, and then looks again at the next question
 */
export function onceATurn<T>(look: () => T): () => T {
  let seen: { value: T } | undefined
  return () => {
    if (seen === undefined) {
      seen = { value: look() }
      // Not unref'd: it runs in this very turn, and holds nothing up.
      setImmediate(() => {
        seen = undefined
      })
    }
    return seen.value
  }
}
