import { ChimeraError, TerminalError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import type { ModelCall, Reading } from '@chimera/contracts/judging/sources'
import type { TaskResult } from '@chimera/contracts/task-result'
import { withPersona } from '@chimera/domain/persona/render-persona'
import type { Model, PromptPart } from '@chimera/infra/llm/model'

import type { ExecutorContext } from '../executors/executor.ts'
import { AgentTurn, instructionsOf, type OpenSlot } from './agent-turn.ts'
import { proposeEffects, type BoundArgument } from './propose-effects.ts'
import type { Read } from './reads.ts'

/** What a model works on. */
export type Assignment = Readonly<{
  /** The owner's words, and what else the plan has fixed. */
  parts: readonly PromptPart[]
  slots: readonly OpenSlot[]
  bound: readonly BoundArgument[]
}>

/** Turns of one attempt: enough to read, to look closer, and to answer. */
const MAX_TURNS = 4
/** A reading that is longer is cut: what a model does not read, it cannot act on. */
const MAX_READING_CHARACTERS = 16_384
/** Evidence.detail takes no more. */
const MAX_DETAIL = 2_000
/** Longer questions find no better memories. */
const MAX_QUESTION = 2_000
/**
 * Lets a model do one task: in turns it has things read for it, then it answers, and proposes what
 * is to be done. All it read and said goes into the result, for the Judge to follow. Throws what
 * the model or the tools threw that may be tried again.
 */
export async function agentWork(
  deps: { readonly model: Model; readonly reads: readonly Read[] },
  context: ExecutorContext,
  assignment: Assignment,
): Promise<TaskResult> {
  const { model, reads } = deps
  const readings: Reading[] = []
  const calls: ModelCall[] = []
  const persona = await context.findPersona()
  const remembered = await context.recall({
    question: questionOf(assignment),
    // Words of strangers are for finding out; what is said in public is made without them.
    onlyTrusted: assignment.slots.length > 0,
  })
  for (let turn = 1; ; turn += 1) {
    const mayRead = turn < MAX_TURNS
    const { value, call } = await model.complete({
      instructions: withPersona(
        persona,
        instructionsOf({ slots: assignment.slots, reads, mayRead }),
      ),
      parts: [...assignment.parts, ...rejectionOf(context), ...remembered, ...readings.map(quoted)],
      schema: AgentTurn,
      check: (said) => faultOf(said, reads, mayRead),
      signal: context.signal,
      asked: { tenantId: context.task.tenantId, goalId: context.task.goalId },
    })
    calls.push(call)
    if (value.reads.length === 0) return resultOf({ value, call, calls, readings, assignment })
    for (const { tool, args } of value.reads) {
      const read = reads.find(({ name }) => name === tool)
      if (read === undefined)
        throw new TerminalError('TOOL_NOT_AVAILABLE', `${tool} reads nothing.`)
      readings.push({ id: newId(), tool, args, value: await answerOf(read, context, args) })
    }
  }
}

/** What is asked of the memory: the owner's words, and what they are about. */
const questionOf = ({ parts }: Assignment): string =>
  parts
    .flatMap(({ value }) => (typeof value === 'string' ? [value] : []))
    .join(' ')
    .slice(0, MAX_QUESTION)

/** The Judge's own words, which no stranger writes. */
const rejectionOf = ({ task: { feedback } }: ExecutorContext): PromptPart[] =>
  feedback === null
    ? []
    : [
        {
          title: 'Why the last attempt was rejected; do it otherwise',
          pointer: { source: 'default', rule: 'rejections' },
          value: feedback,
        },
      ]

function faultOf(said: AgentTurn, reads: readonly Read[], mayRead: boolean): string | undefined {
  if (said.reads.length === 0) return undefined
  if (!mayRead) return 'nothing more is read, so reads has to be empty.'
  const strange = said.reads.find(({ tool }) => !reads.some(({ name }) => name === tool))
  return strange === undefined ? undefined : `there is no ${strange.tool.slice(0, 64)} to read.`
}

/** A refusal is an answer to the model, too; what may be tried again is the task's to try. */
async function answerOf(
  { read }: Read,
  context: ExecutorContext,
  args: Record<string, unknown>,
): Promise<unknown> {
  try {
    return cut(await read(context, args))
  } catch (error) {
    const isFinal = error instanceof ChimeraError && ['terminal', 'denied'].includes(error.kind)
    if (isFinal) return { refused: error.code }
    throw error
  }
}

/** Beyond the bound the JSON is a text that ends somewhere. */
function cut(value: unknown): unknown {
  const json = JSON.stringify(value) ?? 'null'
  if (json.length <= MAX_READING_CHARACTERS) return value
  return { cut: json.slice(0, MAX_READING_CHARACTERS).toWellFormed() }
}

const quoted = ({ id, tool, value }: Reading): PromptPart => ({
  title: `What ${tool} answered`,
  pointer: { source: 'tool', tool, result_id: id, path: '' },
  value,
})

function resultOf(of: {
  value: AgentTurn
  call: ModelCall
  calls: readonly ModelCall[]
  readings: readonly Reading[]
  assignment: Assignment
}): TaskResult {
  const { value, call, calls, readings, assignment } = of
  return {
    // The model's own word, which can only add a demand: the Judge knows what it had read.
    confidence: value.confidence,
    artifacts: [{ name: 'answer', media_type: 'text/plain', content: value.answer }],
    evidence: [
      { source: call.model, detail: `Said by the model in ${calls.length} turns.` },
      ...readings.map(({ id, tool, args }) => ({
        source: `${tool} ${id}`,
        detail: `Asked with ${JSON.stringify(args)}`.slice(0, MAX_DETAIL),
      })),
    ],
    proposed_effects: proposeEffects(call.id, value, assignment.bound),
    readings: [...readings],
    model_calls: [...calls],
  }
}
