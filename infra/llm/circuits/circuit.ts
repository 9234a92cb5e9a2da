/**
 * The circuit of one provider, key and model: a pure machine, so that what a process holds for
 * itself and what the record holds for all of them is the same.
 */

/** So many failures in a row, of whatever process, open it. */
export const FAILURES_TO_OPEN = 5
/** How long it stays open before one call may try. */
export const OPEN_MS = 60_000
/** So many of those have to succeed. */
export const SUCCESSES_TO_CLOSE = 2

export type CircuitState = 'closed' | 'open' | 'half_open'

export type Circuit = Readonly<{
  state: CircuitState
  failures: number
  successes: number
  /** Of an open one; null: until a person closes it. */
  openUntilMs: number | null
  /** A provider asked not to be called before; it is not broken for that. */
  coolUntilMs: number | null
  /** The one call that a half-open circuit lets through, and how long it may be on its way. */
  probe: string | null
  probeUntilMs: number | null
  reason: string | null
  actor: string
}>

export const CLOSED: Circuit = {
  state: 'closed',
  failures: 0,
  successes: 0,
  openUntilMs: null,
  coolUntilMs: null,
  probe: null,
  probeUntilMs: null,
  reason: null,
  actor: 'rule',
}

/** Whether a call may be made. What was admitted goes back with its outcome. */
export type Admission =
  | Readonly<{ admitted: true; failures: number; probe: string | null }>
  | Readonly<{
      admitted: false
      why: 'circuit_open' | 'held_open' | 'probing' | 'cooling'
      reason: string | null
      /** How long until it is worth another look; null when a person has to act. */
      waitMs: number | null
    }>

/** What became of an admitted call, for its circuit. */
export type Outcome =
  /** The provider is there and works, whatever it said of this one request. */
  | Readonly<{ kind: 'answered' }>
  | Readonly<{ kind: 'failed'; reason: string }>
  /** It asked for a pause. */
  | Readonly<{ kind: 'limited'; reason: string; forMs: number }>
  /** It does not take the key: nothing gets better by itself. */
  | Readonly<{ kind: 'unauthorized'; reason: string }>
  /** The call was given up before anything could be known. */
  | Readonly<{ kind: 'released' }>

/** Lets a call through or not. Half-open admits one: whoever gets it is its probe. */
export function admit(
  circuit: Circuit,
  of: { nowMs: number; probe: string; leaseMs: number },
): { circuit: Circuit; admission: Admission } {
  const { nowMs, probe, leaseMs } = of
  const refuse = (
    why: Exclude<Admission, { admitted: true }>['why'],
    untilMs: number | null,
  ): { circuit: Circuit; admission: Admission } => {
    const waitMs = untilMs === null ? null : Math.max(untilMs - nowMs, 0)
    return { circuit, admission: { admitted: false, why, reason: circuit.reason, waitMs } }
  }
  const { state, openUntilMs, coolUntilMs, probeUntilMs, failures } = circuit
  if (state === 'open' && openUntilMs === null) return refuse('held_open', null)
  if (state === 'open' && openUntilMs !== null && openUntilMs > nowMs) {
    return refuse('circuit_open', openUntilMs)
  }
  if (coolUntilMs !== null && coolUntilMs > nowMs) return refuse('cooling', coolUntilMs)
  if (state === 'closed') {
    return { circuit, admission: { admitted: true, failures, probe: null } }
  }
  if (state === 'half_open' && probeUntilMs !== null && probeUntilMs > nowMs) {
    return refuse('probing', probeUntilMs)
  }
  const half: Circuit = {
    ...circuit,
    state: 'half_open',
    successes: state === 'half_open' ? circuit.successes : 0,
    openUntilMs: null,
    probe,
    probeUntilMs: nowMs + leaseMs,
  }
  return { circuit: half, admission: { admitted: true, failures, probe } }
}

/**
 * The circuit after a call; the very same object when nothing changed. Calls that began before it
 * opened have no say in what comes after: half-open listens to its probe alone.
 */
export function applyOutcome(
  circuit: Circuit,
  of: { outcome: Outcome; probe: string | null; nowMs: number },
): Circuit {
  const { outcome, probe, nowMs } = of
  const isProbe = circuit.probe !== null && circuit.probe === probe
  const landed = isProbe ? { ...circuit, probe: null, probeUntilMs: null } : circuit
  switch (outcome.kind) {
    case 'released':
      return landed
    case 'limited':
      return cooled(landed, outcome, nowMs)
    case 'unauthorized':
      return opened(landed, { reason: outcome.reason, openUntilMs: null })
    case 'failed':
      if (landed.state === 'open') return landed
      if (landed.state === 'half_open') return isProbe ? reopened(landed, outcome, nowMs) : landed
      return afterFailure(landed, outcome.reason, nowMs)
    case 'answered':
      return afterAnswer(landed, isProbe)
  }
}

function afterFailure(circuit: Circuit, reason: string, nowMs: number): Circuit {
  const failures = circuit.failures + 1
  if (failures < FAILURES_TO_OPEN) return { ...circuit, failures, reason }
  return opened({ ...circuit, failures }, { reason, openUntilMs: nowMs + OPEN_MS })
}

function afterAnswer(circuit: Circuit, isProbe: boolean): Circuit {
  if (circuit.state === 'closed') return circuit.failures === 0 ? circuit : closedAgain(circuit)
  if (circuit.state === 'open' || !isProbe) return circuit
  const successes = circuit.successes + 1
  return successes < SUCCESSES_TO_CLOSE ? { ...circuit, successes } : closedAgain(circuit)
}

/** A pause that was asked for is not over because a call that began before it was answered. */
const closedAgain = ({ coolUntilMs }: Circuit): Circuit => ({ ...CLOSED, coolUntilMs })

const reopened = (circuit: Circuit, { reason }: { reason: string }, nowMs: number): Circuit =>
  opened(circuit, { reason, openUntilMs: nowMs + OPEN_MS })

function opened(circuit: Circuit, of: { reason: string; openUntilMs: number | null }): Circuit {
  // What a person holds open no machine gives a time to.
  if (circuit.state === 'open' && circuit.openUntilMs === null) return circuit
  return {
    ...circuit,
    state: 'open',
    successes: 0,
    openUntilMs: of.openUntilMs,
    probe: null,
    probeUntilMs: null,
    reason: of.reason,
    actor: 'rule',
  }
}

/** The longest pause that was asked for holds. */
function cooled(
  circuit: Circuit,
  { reason, forMs }: { reason: string; forMs: number },
  nowMs: number,
): Circuit {
  const coolUntilMs = Math.max(circuit.coolUntilMs ?? 0, nowMs + forMs)
  return { ...circuit, coolUntilMs, reason }
}

/** As a person wants it: open until a person closes it, or closed, whatever was the matter. */
export const heldOpen = (reason: string, actor: string): Circuit => ({
  ...CLOSED,
  state: 'open',
  reason,
  actor,
})
export const closedBy = (actor: string): Circuit => ({ ...CLOSED, actor })
