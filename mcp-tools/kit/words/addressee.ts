import { DeniedError, RetryableError } from '@chimera/contracts/errors'

import type { Account } from '../protocol/granted-call.ts'

type Addressed = Readonly<{ aud: string; boot: string; ledger_id: string; incarnation: string }>

/**
 * Holds a signed word of the Judge to this account, this start and this life of the record. Throws
 * what keeps the server closed, GRANT_INVALID, BOOT_CHANGED or INCARNATION_CHANGED.
 */
export function checkAddressee(claims: Addressed, { name, gate, ledger }: Account): void {
  const closed = gate.refusal()
  if (closed !== undefined) throw closed
  if (claims.aud !== name) throw new DeniedError('GRANT_INVALID', 'It asks another account.')
  if (claims.boot !== ledger.boot || claims.ledger_id !== ledger.id) {
    throw new RetryableError('BOOT_CHANGED', 'It was signed for an earlier start of this server.')
  }
  const state = gate.state()
  if (!state.isOpen || state.incarnation !== claims.incarnation) {
    throw new DeniedError('INCARNATION_CHANGED', 'It is from before a restore of the record.')
  }
}
