/** What the exchange keeps of each signer. */
const KEPT = 100
const DAY_MS = 86_400_000
const OLDEST_MS = 2 * DAY_MS
const NEWEST_MS = DAY_MS

export type NonceFault = 'duplicate' | 'too_low' | 'too_old' | 'too_new'

/**
 * The exchange's own memory of nonces: the 100 highest of a signer. A new one must be unused,
 * higher than the lowest of those, and within two days back and one ahead.
 */
export type SignerNonces = Readonly<{
  /** Why this nonce is not taken now; looks and writes nothing. */
  faultOf: (signer: string, nonce: number, nowMs: number) => NonceFault | undefined
  use: (signer: string, nonce: number) => void
}>

export function openSignerNonces(): SignerNonces {
  const bySigner = new Map<string, Set<number>>()
  return {
    faultOf: (signer, nonce, nowMs) => {
      if (nonce <= nowMs - OLDEST_MS) return 'too_old'
      if (nonce >= nowMs + NEWEST_MS) return 'too_new'
      const used = bySigner.get(signer)
      if (used?.has(nonce) === true) return 'duplicate'
      return used !== undefined && used.size >= KEPT && nonce < Math.min(...used)
        ? 'too_low'
        : undefined
    },
    use: (signer, nonce) => {
      const used = bySigner.get(signer) ?? new Set()
      bySigner.set(signer, used.add(nonce))
      if (used.size > KEPT) used.delete(Math.min(...used))
    },
  }
}
