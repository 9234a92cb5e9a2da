import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'

import type { Address } from '../chain/address.ts'
import { chooseNonce } from './choose-nonce.ts'
import { transactionFacts } from './transaction-facts.ts'

/**
 * The nonce of the next transaction, by the ledger alone and what the chain says: nothing of it is
 * kept in memory, so that a restart forgets none that was signed. To be used below the account's
 * mutex, which the claim shares.
 */
export function freeNonce(
  ledger: Ledger,
  from: Address,
  { latest, pending }: Readonly<{ latest: number; pending: number }>,
): number {
  const { entries } = ledger
  const open = [...entries.inFlight(), ...entries.inState('NEEDS_HUMAN')]
  const facts = open.map((entry) => transactionFacts(entry)).filter((each) => each?.from === from)
  const held = new Set(facts.flatMap((each) => each?.nonce ?? []))
  const highestMined = entries.highestFact('nonce', { name: 'from', is: from })
  return chooseNonce({ latest, pending, held, highestMined })
}
