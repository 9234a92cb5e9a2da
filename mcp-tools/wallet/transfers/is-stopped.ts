import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { scopesOf } from '@chimera/mcp-kit/protocol/scopes'

/** Whether a stop is in force that this effect falls under. */
export function isStopped(
  { scope, account }: Pick<Entry, 'scope' | 'account'>,
  { fences }: Pick<Ledger, 'fences'>,
): boolean {
  return scopesOf({ ...scope, account }).some((name) => fences.get(name)?.isStopped === true)
}
