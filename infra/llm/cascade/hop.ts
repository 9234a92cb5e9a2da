import { ChimeraError } from '@chimera/contracts/errors'
import type { z } from 'zod'

import type { ModelBudget } from '../model-budget.ts'
import { badOutput, cutShort, faultOfModel, type ModelFault } from '../model-fault.ts'
import type { Ask } from '../model.ts'
import { repairTurns, type Turn, withQuoting } from '../prompt.ts'
import { usedByFailure } from '../used-by-failure.ts'
import { costOf, type MostUsed } from './price.ts'
import { MAX_OUTPUT_TOKENS, type TierRequest } from './tier-request.ts'
import type { Tier } from './tier.ts'

/** Roles, the schema of the answer, and what a server adds of its own. */
const FRAME_TOKENS = 4_096
/** A part of a fault that is told to the model. */
const MAX_FAULT = 1_000

/** What one tier made of a question. */
export type Hop<T> = Readonly<{
  /** What it took, as far as anybody told: with what was refused for certain not in it. */
  spent: Spent
  result: Readonly<{ value: T; turns: readonly Turn[] }> | Readonly<{ failed: ModelFault }>
}>
export type Spent = { input: number; output: number; usdMicros: bigint; requests: number }

export type HopDeps = Readonly<{ budget: ModelBudget; request: TierRequest }>

/**
 * Asks one tier, and once more when its answer does not fit. Every request is reserved before it is
 * sent, and settled in full unless the server says what it used, or nothing can have been spent.
 * Throws what is no word of the model: a record that is away, a signal that was aborted, a
 * listener that broke.
 */
export async function hop<T>(
  deps: HopDeps,
  of: { tier: Tier; ask: Ask<T>; first: Turn },
): Promise<Hop<T>> {
  const spent: Spent = { input: 0, output: 0, usdMicros: 0n, requests: 0 }
  const turns = [of.first]
  const once = () => say(deps, { ...of, turns, spent })
  let said = await once()
  if ('fault' in said && !said.begun) {
    turns.push(...repairTurns(said.text, said.fault))
    said = await once()
  }
  if ('failed' in said) return { spent, result: said }
  if ('fault' in said) {
    const failed = badOutput(of.tier.label, said.fault)
    return { spent, result: { failed: said.begun ? { ...failed, kind: 'cut' } : failed } }
  }
  return { spent, result: { value: said.value, turns } }
}

type Said<T> =
  | Readonly<{ value: T }>
  | Readonly<{ text: string; fault: string; begun: boolean }>
  | Readonly<{ failed: ModelFault }>

/**
 * What a request can take at most: a token is a byte at least, and the schema goes with the prompt.
 */
export function mostOf(instructions: string, turns: readonly Turn[]): MostUsed {
  const words = [withQuoting(instructions), ...turns.map(({ content }) => content)].join('')
  return { input: Buffer.byteLength(words) + FRAME_TOKENS, output: MAX_OUTPUT_TOKENS }
}

async function say<T>(
  { budget, request }: HopDeps,
  of: { tier: Tier; ask: Ask<T>; turns: readonly Turn[]; spent: Spent },
): Promise<Said<T>> {
  const { tier, ask, turns, spent } = of
  const { label: model, price, timeoutMs } = tier
  const most = mostOf(ask.instructions, turns)
  let paid
  try {
    paid = await budget.reserve({ asked: ask.asked, model, most, price, timeoutMs })
  } catch (error) {
    if (!(error instanceof ChimeraError) || error.code !== 'BUDGET_EXHAUSTED') throw error
    return { failed: { kind: 'budget', error } }
  }
  const count = ({ input = most.input, output = most.output }: Partial<MostUsed>): void => {
    spent.input += input
    spent.output += output
    spent.usdMicros += costOf({ input, output }, price)
  }
  spent.requests += 1
  const listener = listenTo(ask)
  let answer
  try {
    answer = await request({ tier, ask: { ...ask, ...listener.heard }, turns })
  } catch (error) {
    const used = usedByFailure(error)
    if (used !== 'nothing') count(defined(used))
    await (used === 'nothing' ? paid.refused() : paid.answered(used))
    ask.signal?.throwIfAborted()
    const { begun, broken } = listener
    if (broken !== undefined) throw broken.error
    const sorted = faultOfModel(model, error)
    if ('fault' in sorted) return { ...sorted, begun }
    return begun ? { failed: cutShort(model, error) } : sorted
  }
  count(defined(answer.used))
  // Outside of what is caught: a record that cannot be reached says nothing of the model.
  await paid.answered(answer.used)
  const checked = check(ask, answer.value)
  return 'fault' in checked
    ? { text: answer.text, fault: checked.fault, begun: listener.begun }
    : checked
}

/** Notes when the first piece goes out, and when whoever takes them breaks. */
function listenTo<T>({ onPiece }: Ask<T>) {
  const listener: {
    begun: boolean
    broken?: { error: unknown }
    heard: { onPiece?: (piece: string) => void }
  } = { begun: false, heard: {} }
  if (onPiece === undefined) return listener
  listener.heard.onPiece = (piece) => {
    listener.begun = true
    try {
      onPiece(piece)
    } catch (error) {
      listener.broken = { error }
      throw error
    }
  }
  return listener
}

/** Without the keys whose values nobody told, so that defaults take their place. */
const defined = ({ input, output }: { input: number | undefined; output: number | undefined }) => ({
  ...(input === undefined ? {} : { input }),
  ...(output === undefined ? {} : { output }),
})

/** The schema once more, for not every server heeds it, and what it cannot say. */
function check<T>(ask: Ask<T>, value: unknown): { value: T } | { fault: string } {
  const parsed = ask.schema.safeParse(value)
  if (!parsed.success) return { fault: faultOf(parsed.error) }
  const fault = ask.check?.(parsed.data)
  return fault === undefined ? { value: parsed.data } : { fault }
}

const faultOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => `/${path.join('/')} ${message};`)
    .join(' ')
    .slice(0, MAX_FAULT)
