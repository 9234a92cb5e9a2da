import { TerminalError } from '@chimera/contracts/errors'
import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { TaskResult } from '@chimera/contracts/task-result'
import type { Model, PromptPart } from '@chimera/infra/llm/model'

import {
  defineExecutor,
  type Executor,
  type ExecutorContext,
  MAX_EXECUTOR_TIMEOUT_MS,
} from '../executors/executor.ts'
import { agentWork, type Assignment } from './agent-work.ts'
import { READS, type Read } from './reads.ts'

/** Questions to a model that one Worker has open at once, by kind. */
const CONCURRENCY = 8

/**
 * The executors of work that a model does. Without a model they fail their tasks with what is
 * missing: whoever planned such work had one. `reads` is what the model may have read for it.
 */
export function agentExecutors(of: {
  readonly model: Model | undefined
  readonly reads?: readonly Read[]
}): Executor[] {
  const { model, reads = READS } = of
  const work = async (context: ExecutorContext, assignment: Assignment): Promise<TaskResult> => {
    if (model === undefined) {
      const message = `${context.payload.kind} is work for a model, and there is none.`
      throw new TerminalError('EXECUTOR_MISSING', message)
    }
    return agentWork({ model, reads }, context, assignment)
  }
  const bounds = { timeoutMs: MAX_EXECUTOR_TIMEOUT_MS, concurrency: CONCURRENCY }
  return [
    defineExecutor({
      kind: 'agent.research',
      ...bounds,
      execute: (context) =>
        work(context, { parts: [instruction(context.payload)], slots: [], bound: [] }),
    }),
    defineExecutor({
      kind: 'agent.write',
      ...bounds,
      execute: (context) =>
        work(context, {
          parts: [instruction(context.payload)],
          slots: [{ slot: context.payload.slot, tool: 'post_tweet', args: '{text}' }],
          bound: [],
        }),
    }),
    defineExecutor({
      kind: 'agent.engage',
      ...bounds,
      execute: (context) => {
        const { slot, in_reply_to: value, origin } = context.payload
        const pointer = pointerOf(origin, '/in_reply_to')
        return work(context, {
          parts: [
            instruction(context.payload),
            { title: 'The post that is replied to', pointer, value },
          ],
          slots: [{ slot, tool: 'reply_tweet', args: '{in_reply_to, text}' }],
          bound: [{ slot, name: 'in_reply_to', value, pointer }],
        })
      },
    }),
  ]
}

type Instructed = Readonly<{ instruction: string; origin: Readonly<Record<string, Pointer>> }>

const instruction = ({ instruction: value, origin }: Instructed): PromptPart => ({
  title: 'What the owner wants',
  pointer: pointerOf(origin, '/instruction'),
  value,
})

function pointerOf(origin: Readonly<Record<string, Pointer>>, argument: string): Pointer {
  const pointer = origin[argument]
  if (pointer !== undefined) return pointer
  throw new TerminalError('INPUT_INVALID', `The payload does not say where ${argument} is from.`)
}
