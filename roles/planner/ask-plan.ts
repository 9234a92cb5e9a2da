import { ChimeraError } from '@chimera/contracts/errors'
import type { Persona } from '@chimera/contracts/judging/persona'
import {
  MAX_PROPOSED_TASKS,
  PLAN_FORMS,
  PLANNABLE_KINDS,
  type TextGoal,
  planOfModel,
} from '@chimera/domain/model-planner/model-planner'
import { DEFAULT_PERSONA } from '@chimera/domain/persona/default-persona'
import { withPersona } from '@chimera/domain/persona/render-persona'
import type { Plan } from '@chimera/domain/plan'
import type { Model, PromptPart } from '@chimera/infra/llm/model'
import { z } from 'zod'

/** What a plan has to be for the model; what only the goal can say is checked by the domain. */
const ModelPlan = z.strictObject({
  tasks: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9_]{1,32}$/),
        kind: z.enum(PLANNABLE_KINDS),
        after: z.array(z.string()).max(MAX_PROPOSED_TASKS),
        quotes: z.record(z.string(), z.string()),
      }),
    )
    .min(1)
    .max(MAX_PROPOSED_TASKS),
})

const KINDS = Object.entries(PLAN_FORMS)
  .map(([kind, { quotes }]) => `- ${kind}: ${quotes.join(', ')}`)
  .join('\n')

const INSTRUCTIONS = `You split the goal of an owner into tasks for workers. Answer with JSON.

Each task has a name (t1, t2, ...), a kind, the names of the tasks that it comes after, and quotes:
for every parameter of its kind the words of the goal that give it, copied letter by letter. You
write nothing yourself: not a word, not a number, not an address that does not stand in the goal.

The kinds and their parameters:
${KINDS}

tweet.post and tweet.reply publish the quoted text as it is. agent.write and agent.engage let a
writer compose a tweet or a reply by the quoted instruction; agent.research finds something out and
publishes nothing. wallet.transfer pays. Plan only what the goal asks for.`

/** The Judge's reasons, which no stranger writes; and a further plan cannot add a slot anyway. */
const REJECTED = {
  title: 'Why the plans before were rejected; plan otherwise',
  pointer: { source: 'default', rule: 'rejections' },
} as const
/** A figure of the house's own counters. */
const PRESSED = {
  title: 'A budget runs low; plan as few tasks as the goal needs',
  pointer: { source: 'default', rule: 'budget' },
} as const
const MOST_REASONS = 16

/**
 * Asks a model for the plan of a goal in the owner's own words. Nothing of strangers is in the
 * prompt, so that none has a say in what slots there are. Throws what the model threw; what it
 * proposed and does not fit, it is told once.
 */
export async function askPlan(
  model: Model,
  of: {
    readonly tenant: string
    readonly goalId: string
    readonly receivedMs: number
    readonly goal: TextGoal
    /** Why the plans before were rejected; the words of the Judge's rules. */
    readonly rejected?: readonly string[]
    /** A budget that runs low, where one does. */
    readonly pressed?: string | undefined
    /** What the agent remembers in words of its owner and its own; nothing of strangers. */
    readonly remembered?: readonly PromptPart[]
    /** On whose behalf it is planned. */
    readonly persona: Persona | undefined
    readonly signal?: AbortSignal
  },
): Promise<Plan> {
  const { goal, signal, rejected = [], remembered = [] } = of
  const { value } = await model.complete({
    instructions: withPersona(of.persona ?? DEFAULT_PERSONA, INSTRUCTIONS),
    parts: [
      { title: 'The goal', pointer: { source: 'goal', path: '/text' }, value: goal.text },
      ...(of.pressed === undefined ? [] : [{ ...PRESSED, value: of.pressed }]),
      ...remembered,
      ...(rejected.length === 0 ? [] : [{ ...REJECTED, value: rejected.slice(0, MOST_REASONS) }]),
    ],
    asked: { tenantId: of.tenant, goalId: of.goalId },
    otherwise: 'rules',
    schema: ModelPlan,
    check: ({ tasks }) => faultOf(() => planOfModel({ ...of, tasks })),
    ...(signal === undefined ? {} : { signal }),
  })
  return planOfModel({ ...of, tasks: value.tasks })
}

function faultOf(plan: () => Plan): string | undefined {
  try {
    plan()
    return undefined
  } catch (error) {
    if (error instanceof ChimeraError && error.kind === 'terminal') return error.message
    throw error
  }
}
