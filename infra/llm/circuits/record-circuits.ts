import { newId } from '@chimera/contracts/ids'

import {
  type CircuitAt,
  findCircuit,
  lockCircuit,
  writeCircuit,
} from '../../database/circuits/circuit-row.ts'
import type { Database } from '../../database/open-database.ts'
import type { Tier } from '../cascade/tier.ts'
import { openCircuitLooks } from './circuit-looks.ts'
import { admit, applyOutcome, type Admission, type Circuit } from './circuit.ts'
import { moved, type Circuits } from './circuits.ts'

/**
 * Circuits that every process shares, in the record and by its clock. What a process has seen it
 * goes by for SEEN_FOR_MS: a call through a circuit that is closed, or known to be open, costs no
 * round trip then. Whatever moves a circuit locks its row, a probe also; and whoever has written
 * one looks again. `now` is a clock that never goes back.
 */
export function openRecordCircuits(database: Database, now?: () => number): Circuits {
  const looks = openCircuitLooks((id) => findCircuit(database, id), now)
  /** In one transaction; what was seen of the circuit is over then, also when nobody knows how. */
  const move = async <T>(
    tier: Tier,
    work: (at: CircuitAt) => Readonly<{ circuit: Circuit; value: T }>,
  ): Promise<T> => {
    try {
      return await database.transaction(async (tx) => {
        const at = await lockCircuit(tx, keyOf(tier))
        const { circuit, value } = work(at)
        if (circuit !== at.circuit) await writeCircuit(tx, tier.circuit, circuit)
        return value
      })
    } finally {
      looks.forget(tier.circuit)
    }
  }
  const admitLocked = (tier: Tier, leaseMs: number): Promise<Admission> =>
    move(tier, ({ circuit: known, nowMs }) => {
      const { circuit, admission } = admit(known, { nowMs, probe: newId(), leaseMs })
      return { circuit, value: admission }
    })
  return {
    admit: async (tier, leaseMs) => {
      const { circuit, nowMs } = await looks.see(tier.circuit)
      const looked = admit(circuit, { nowMs, probe: '', leaseMs })
      const isProbe = looked.admission.admitted && looked.admission.probe !== null
      return isProbe ? admitLocked(tier, leaseMs) : looked.admission
    },
    note: async (tier, { admission, outcome }) => {
      const { failures, probe } = admission
      const isNothing = outcome.kind === 'answered' && failures === 0 && probe === null
      if (isNothing || (outcome.kind === 'released' && probe === null)) return undefined
      return move(tier, ({ circuit: before, nowMs }) => {
        const after = applyOutcome(before, { outcome, probe, nowMs })
        return { circuit: after, value: moved(before, after) }
      })
    },
  }
}

const keyOf = ({ circuit: id, name, provider, label, model }: Tier) => ({
  id,
  name,
  provider,
  label,
  model,
})
