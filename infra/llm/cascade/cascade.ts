import { canonicalHash } from '@chimera/contracts/canonical'
import { newId } from '@chimera/contracts/ids'
import type { Logger } from '@chimera/runtime/log'

import type { Admission, Outcome } from '../circuits/circuit.ts'
import type { Circuits } from '../circuits/circuits.ts'
import type { ModelFault } from '../model-fault.ts'
import type { Answer, Ask, Model } from '../model.ts'
import { firstTurn } from '../prompt.ts'
import { belowCostOf, needsAfter, outcomeOf } from './after-fault.ts'
import type { Considered, Decision } from './decision.ts'
import { type Hop, hop, type HopDeps, mostOf } from './hop.ts'
import { lastWord, type Reason } from './last-word.ts'
import type { Meter } from './meter.ts'
import { narrower, type Needs, whyUnfit } from './needs.ts'
import { MAX_OUTPUT_TOKENS } from './tier-request.ts'
import type { OpenCascade, Tier } from './tier.ts'

export type CascadeParts = HopDeps &
  Readonly<{
    cascade: OpenCascade
    circuits: Circuits
    meter: Meter
    log: Pick<Logger, 'warn' | 'error'>
    /** Told of every question when it is over; what it throws is nobody's. */
    onDecision: (decision: Decision) => void
  }>

/** An admitted tier is asked twice at most; a probe that is not back by then will not come. */
const PROBE_SLACK_MS = 10_000
/** A prompt is at least a token for so many characters: to tell a context that is too small. */
const CHARACTERS_PER_TOKEN = 4

/** The cascade as one model. */
export function openCascade(parts: CascadeParts): Model {
  const name = parts.cascade.tiers.map(({ label }) => label).join(', ')
  return { name, complete: (ask) => walk(parts, ask) }
}

/** One question on its way down: what was considered, and what those after it have to be. */
type Walk = {
  needs: Needs | undefined
  readonly considered: Considered[]
  readonly reasons: Reason[]
  requests: number
  usdMicros: bigint
}

async function walk<T>(parts: CascadeParts, ask: Ask<T>): Promise<Answer<T>> {
  const began = performance.now()
  const first = firstTurn(ask.parts)
  const at: Walk = {
    needs: needsOf(parts.cascade, ask, first.content),
    considered: [],
    reasons: [],
    requests: 0,
    usdMicros: 0n,
  }
  let chosen: string | null = ask.otherwise ?? null
  try {
    for (const tier of parts.cascade.tiers) {
      const answered = await consider(parts, at, { tier, ask, first })
      if (answered === undefined) continue
      chosen = tier.name
      return answerOf(tier, ask, answered)
    }
    throw lastWord(at.reasons, at.considered)
  } finally {
    const { considered, requests, usdMicros } = at
    const ms = performance.now() - began
    parts.onDecision({ asked: ask.asked, chosen, considered, requests, usdMicros, ms })
  }
}

function needsOf<T>(cascade: OpenCascade, ask: Ask<T>, content: string): Needs {
  const most = mostOf(ask.instructions, [{ role: 'user', content }])
  const characters = ask.instructions.length + content.length
  return {
    capability: 'json',
    tokens: Math.ceil(characters / CHARACTERS_PER_TOKEN) + MAX_OUTPUT_TOKENS,
    most,
    privacy: narrower(ask.privacy ?? 'any', cascade.privacy),
    mostMicros: cascade.maxUsdMicros,
    belowMicros: undefined,
    aboveTokens: undefined,
    aboveStrength: undefined,
  }
}

type Answered<T> = Extract<Hop<T>['result'], { value: T }>
type Considering<T> = Readonly<{ tier: Tier; ask: Ask<T>; first: ReturnType<typeof firstTurn> }>

/** Asks one tier, if it may be; answers nothing when the next has to be looked at. */
async function consider<T>(
  parts: CascadeParts,
  at: Walk,
  of: Considering<T>,
): Promise<Answered<T> | undefined> {
  const { tier, ask } = of
  const note = (outcome: Considered['outcome'], why?: string): void =>
    void at.considered.push({
      tier: tier.name,
      model: tier.label,
      outcome,
      ...(why === undefined ? {} : { why }),
    })
  const unfit = at.needs === undefined ? 'too_late' : whyUnfit(tier, at.needs)
  if (unfit !== undefined) {
    note('skipped', unfit)
    return undefined
  }
  ask.signal?.throwIfAborted()
  const admission = await parts.circuits.admit(tier, 2 * tier.timeoutMs + PROBE_SLACK_MS)
  if (!admission.admitted) {
    note('skipped', `${admission.why}${admission.reason === null ? '' : ` ${admission.reason}`}`)
    at.reasons.push(reasonOf(admission))
    // It ended there a while ago, and that is where it still is.
    if (admission.reason === 'BUDGET_EXHAUSTED') at.needs = at.needs && belowCostOf(tier, at.needs)
    return undefined
  }
  const result = await throughCircuit(parts, at, { ...of, admission })
  if ('value' in result) {
    note('answered')
    return result
  }
  const { failed: fault } = result
  note('failed', fault.error.code)
  if (fault.kind === 'cut') throw fault.error
  at.reasons.push({ code: fault.error.code, error: fault.error, waitMs: fault.retryAfterMs })
  at.needs = at.needs && needsAfter(fault, tier, at.needs)
  return undefined
}

/** Asks, and tells the circuit what came of it, whatever that is. */
async function throughCircuit<T>(
  parts: CascadeParts,
  at: Walk,
  of: Considering<T> & { admission: Extract<Admission, { admitted: true }> },
): Promise<Hop<T>['result']> {
  const { tier, admission } = of
  let outcome: Outcome = { kind: 'released' }
  const began = performance.now()
  try {
    const { result, spent } = await hop(parts, of)
    at.requests += spent.requests
    at.usdMicros += spent.usdMicros
    const fault = 'failed' in result ? result.failed : undefined
    outcome = fault === undefined ? { kind: 'answered' } : outcomeOf(fault)
    if (spent.requests > 0) {
      const ms = performance.now() - began
      parts.meter.count(tier, { spent, ms, error: fault?.error.code })
    }
    if (fault !== undefined) alarm(parts.log, tier, fault)
    return result
  } finally {
    await tellCircuit(parts, { tier, admission, outcome })
  }
}

async function tellCircuit(
  { circuits, log }: CascadeParts,
  of: { tier: Tier; admission: Extract<Admission, { admitted: true }>; outcome: Outcome },
): Promise<void> {
  const { tier, admission, outcome } = of
  try {
    const moved = await circuits.note(tier, { admission, outcome })
    if (moved === undefined) return
    const reason = 'reason' in outcome ? outcome.reason : null
    log.warn({ tier: tier.name, model: tier.label, ...moved, reason }, 'a circuit has moved')
  } catch (err) {
    // The answer is there and paid for: it is not thrown away for the sake of a counter.
    log.warn({ err, tier: tier.name }, 'the circuit of a model could not be told of an outcome')
  }
}

/** What only a person can put right. */
function alarm(log: CascadeParts['log'], tier: Tier, { kind, error }: ModelFault): void {
  if (kind !== 'unauthorized' && kind !== 'money') return
  const facts = { tier: tier.name, model: tier.label, code: error.code, alarm: true }
  if (kind === 'money') log.error(facts, 'the account at a provider of models is empty')
  else log.error(facts, 'a provider of models does not take the key; its circuit is held open')
}

/** A circuit that nobody but a person closes is no reason to come back. */
function reasonOf(admission: Exclude<Admission, { admitted: true }>): Reason {
  const { why, reason, waitMs } = admission
  if (why !== 'held_open') {
    const code = reason === 'BUDGET_EXHAUSTED' ? 'BUDGET_EXHAUSTED' : 'MODEL_UNAVAILABLE'
    return { code, waitMs: waitMs ?? undefined }
  }
  return { code: reason === 'MODEL_UNAUTHORIZED' ? 'MODEL_UNAUTHORIZED' : 'MODEL_NONE_FITS' }
}

function answerOf<T>(tier: Tier, ask: Ask<T>, { value, turns }: Answered<T>): Answer<T> {
  const call = {
    id: newId(),
    model: tier.label,
    prompt_hash: canonicalHash({ v: 1, instructions: ask.instructions, turns }),
    sources: ask.parts.map(({ pointer }) => pointer),
    output: value,
  }
  return { value, call }
}
