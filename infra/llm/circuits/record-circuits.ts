import { newId } from '@chimera/contracts/ids'

import { findCircuit, lockCircuit, writeCircuit } from '../../database/circuits/circuit-row.ts'
import type { Database } from '../../database/open-database.ts'
import type { Tier } from '../cascade/tier.ts'
import { admit, applyOutcome, type Admission } from './circuit.ts'
import { moved, type Circuits } from './circuits.ts'

/**
 * Circuits that every process shares, in the record and by its clock. A call through a closed
 * circuit costs one look by the key and, when it is answered, nothing more; whatever moves a
 * circuit locks its row.
 */
export function openRecordCircuits(database: Database): Circuits {
  const admitLocked = (tier: Tier, leaseMs: number): Promise<Admission> =>
    database.transaction(async (tx) => {
      const { circuit: known, nowMs } = await lockCircuit(tx, keyOf(tier))
      const { circuit, admission } = admit(known, { nowMs, probe: newId(), leaseMs })
      if (circuit !== known) await writeCircuit(tx, tier.circuit, circuit)
      return admission
    })
  return {
    admit: async (tier, leaseMs) => {
      const { circuit, nowMs } = await findCircuit(database, tier.circuit)
      const looked = admit(circuit, { nowMs, probe: '', leaseMs })
      const isProbe = looked.admission.admitted && looked.admission.probe !== null
      return isProbe ? admitLocked(tier, leaseMs) : looked.admission
    },
    note: async (tier, { admission, outcome }) => {
      const { failures, probe } = admission
      const isNothing = outcome.kind === 'answered' && failures === 0 && probe === null
      if (isNothing || (outcome.kind === 'released' && probe === null)) return undefined
      return database.transaction(async (tx) => {
        const { circuit: before, nowMs } = await lockCircuit(tx, keyOf(tier))
        const after = applyOutcome(before, { outcome, probe, nowMs })
        if (after !== before) await writeCircuit(tx, tier.circuit, after)
        return moved(before, after)
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
