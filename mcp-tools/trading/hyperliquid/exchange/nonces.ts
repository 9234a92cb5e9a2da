/**
 * Nonces of one signer: milliseconds, never the same twice, never falling. The exchange keeps the
 * 100 highest of a signer and takes what is above the lowest of those, unused and within two days
 * back and one ahead; so one process alone may sign with a key. `now` must not fall behind what an
 * earlier life of the process used: the ledger's clock does not.
 */
export function openNonces({ now }: { now: () => number }): { next: () => number } {
  let last = 0
  const next = (): number => {
    last = Math.max(last + 1, Math.floor(now()))
    return last
  }
  return { next }
}
