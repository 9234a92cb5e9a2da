import type { Trust } from '@chimera/contracts/goal'
import { MAX_MEMORY_CHARACTERS, type Memory } from '@chimera/contracts/judging/memory'
import type { Label } from '@chimera/contracts/judging/provenance'
import type { AttemptOutcome } from '@chimera/contracts/task-result'

import { labelOf } from '../judging/provenance.ts'

/** What there is to learn from, as the record has it. */
export type Learnable = Readonly<{
  tenantId: string
  taskId: string
  goalId: string
  outcome: AttemptOutcome
  memories?: ReadonlyMap<string, Label>
  goal: Readonly<{ agentId: string; trust: Trust; content: unknown }>
}>

/** A memory before it has an id and a time. */
export type Lesson = Readonly<{ tenantId: string; memory: Omit<Memory, 'id' | 'timestamp'> }>

/** What was said to others is missed more than what was found out: it cannot be found again. */
const IMPORTANCE = { interaction: 0.7, learning: 0.5 } as const
/** Memory.sources takes no more; those beyond count in the label all the same. */
const MAX_SOURCES = 16
const MAX_TAGS = 16

/**
 * What an agent learns from a result that the Judge has accepted: the answer of its model and, when
 * something was done by it, the words that it was done with. What no model made teaches nothing:
 * the record has it already. The label is the worst of all that the model had read.
 */
export function learnFromResult(of: Learnable): Lesson | undefined {
  if (of.outcome.outcome !== 'result') return undefined
  const { result } = of.outcome
  const calls = result.model_calls ?? []
  const last = calls.at(-1)
  if (last === undefined) return undefined
  const said = result.proposed_effects.flatMap(({ args }) => textIn(args['text']))
  const answers = result.artifacts.flatMap(({ content }) => textIn(content))
  const content = [...said, ...answers].join('\n').slice(0, MAX_MEMORY_CHARACTERS).toWellFormed()
  if (content === '') return undefined
  const kind = said.length > 0 ? 'interaction' : 'learning'
  const label = labelOf(
    { source: 'model', call_id: last.id },
    {
      goal: of.goal.content,
      trust: of.goal.trust,
      readings: result.readings ?? [],
      modelCalls: calls,
      ...(of.memories === undefined ? {} : { memories: of.memories }),
    },
  )
  const { tenantId, taskId, goalId } = of
  const memory: Lesson['memory'] = {
    agent_id: of.goal.agentId,
    kind,
    content,
    relevance_tags: [...new Set(result.proposed_effects.map(({ tool }) => tool))].slice(
      0,
      MAX_TAGS,
    ),
    label,
    sources: calls.flatMap(({ sources }) => sources).slice(0, MAX_SOURCES),
    goal_id: goalId,
    task_id: taskId,
    importance: IMPORTANCE[kind],
    expires_at: null,
  }
  return { tenantId, memory }
}

const textIn = (value: unknown): string[] => {
  const text = typeof value === 'string' ? value.trim() : ''
  return text === '' ? [] : [text]
}
