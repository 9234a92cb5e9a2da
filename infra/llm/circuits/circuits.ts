import { newId } from '@chimera/contracts/ids'

import type { Tier } from '../cascade/tier.ts'
import {
  admit,
  applyOutcome,
  CLOSED,
  type Admission,
  type Circuit,
  type CircuitState,
  type Outcome,
} from './circuit.ts'

/** How a circuit moved by an outcome; undefined when it did not. */
export type Moved = Readonly<{ from: CircuitState; to: CircuitState }> | undefined

/** The circuits of all tiers. Every admission is followed by exactly one `note`. */
export type Circuits = Readonly<{
  /** `leaseMs`: how long a probe may be on its way before another one may try. */
  admit: (tier: Tier, leaseMs: number) => Promise<Admission>
  note: (
    tier: Tier,
    of: { admission: Extract<Admission, { admitted: true }>; outcome: Outcome },
  ) => Promise<Moved>
}>

/** Circuits of this process alone, for one that has no record. */
export function openOwnCircuits(now: () => number = () => performance.now()): Circuits {
  const circuits = new Map<string, Circuit>()
  return {
    admit: (tier, leaseMs) => {
      const known = circuits.get(tier.circuit) ?? CLOSED
      const { circuit, admission } = admit(known, { nowMs: now(), probe: newId(), leaseMs })
      circuits.set(tier.circuit, circuit)
      return Promise.resolve(admission)
    },
    note: (tier, { admission, outcome }) => {
      const before = circuits.get(tier.circuit) ?? CLOSED
      const after = applyOutcome(before, { outcome, probe: admission.probe, nowMs: now() })
      circuits.set(tier.circuit, after)
      return Promise.resolve(moved(before, after))
    },
  }
}

export const moved = (before: Circuit, after: Circuit): Moved =>
  before.state === after.state ? undefined : { from: before.state, to: after.state }
