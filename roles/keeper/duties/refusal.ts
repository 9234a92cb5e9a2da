import { ChimeraError } from '@chimera/contracts/errors'

/** Our own tokens are at fault then, not what was carried. */
const OURS = new Set(['UNAUTHENTICATED', 'FORBIDDEN'])

/**
 * Whether a server's word is final: carrying the same again cannot help. Everything else (closed,
 * away, busy, another boot) may be different the next time.
 */
export function isRefusal(error: unknown): error is ChimeraError {
  if (!(error instanceof ChimeraError) || OURS.has(error.code)) return false
  return ['denied', 'terminal', 'conflict'].includes(error.kind)
}
