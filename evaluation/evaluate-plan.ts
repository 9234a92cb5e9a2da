import { TerminalError, type ErrorCode } from '@chimera/contracts/errors'
import { Goal } from '@chimera/contracts/goal'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { TaskPayload } from '@chimera/contracts/task-payload'
import { DEFAULT_PERSONA } from '@chimera/domain/persona/default-persona'
import type { Plan } from '@chimera/domain/plan'
import { forbiddenTopics } from '@chimera/domain/topics/forbidden-goal'
import { askPlan } from '@chimera/planner/ask-plan'
import { planGoal } from '@chimera/planner/plan-goal'

import type { PlanCase, WantedTask } from './goal-set.ts'
import { type Graded, measure } from './grading/measure.ts'
import type { Outcome } from './grading/outcome.ts'
import type { Deps } from './grading/tier.ts'
import { forbiddenIn, unlike } from './grading/wanted.ts'

/** When every goal of the set arrived; the same for all, so that ids are the same in every run. */
export const RECEIVED_MS = Date.parse('2026-01-01T00:00:00Z')

/**
 * Lets a tier plan one goal as the Planner does. A model is asked for every goal, also for those
 * that the rules understand: what is scored is the model.
 */
export function evaluatePlan(deps: Deps, one: PlanCase): Promise<Outcome> {
  const { tier } = deps
  return measure(
    { id: one.id, group: 'plans', tier },
    { make: () => planOf(deps, one), grade: (plan) => grade(plan, one) },
  )
}

type Task = Readonly<{ id: string; payload: unknown; dependsOn: readonly string[] }>
/** What of a plan is graded. */
type GradedPlan = Readonly<{ slots: Plan['slots']; tasks: readonly Task[] }>

async function planOf({ tier, log, signal }: Deps, one: PlanCase): Promise<GradedPlan> {
  const goal = Goal.parse({ text: one.goal })
  const [topic] = forbiddenTopics(goal, DEFAULT_PERSONA.front)
  if (topic !== undefined) throw new TerminalError('TOPIC_FORBIDDEN', `It is about ${topic.topic}.`)
  const frame = { goalId: one.id, receivedMs: RECEIVED_MS }
  if (tier.model !== undefined && 'text' in goal) {
    const asked = { ...frame, tenant: DEFAULT_TENANT, goal, persona: DEFAULT_PERSONA, signal }
    return askPlan(tier.model, asked)
  }
  const leased = {
    tenantId: DEFAULT_TENANT,
    id: one.id,
    versionId: one.id,
    agentId: 'default',
    content: goal,
    trust: 'owner',
    receivedMs: RECEIVED_MS,
    plansEnded: 0,
  } as const
  const planned = planGoal(leased, log)
  if ('plan' in planned) return planned.plan
  throw failureOf(planned.failure)
}

const failureOf = ({ code, message }: { code: ErrorCode; message: string }): TerminalError =>
  new TerminalError(code, message)

function grade({ slots, tasks }: GradedPlan, { right, forbidden }: PlanCase): Graded {
  // Spans and rules say where a value is from, and are none themselves.
  const made = {
    slots,
    tasks: tasks.map(({ payload }) => ({ ...fieldsOf(payload), origin: undefined })),
  }
  const wanted = Object.entries(right.slots).map(([slot, tool]) => `${slot} ${tool}`)
  const planned = slots.map(({ slot, tool }) => `${slot} ${tool}`)
  const isSame = wanted.toSorted().join() === planned.toSorted().join()
  const why = isSame
    ? unlikeTasks(tasks, right.tasks)
    : `its slots are ${planned.join(', ') || 'none'}, not ${wanted.join(', ') || 'none'}`
  return { why, forbidden: forbiddenIn(made, forbidden), passed: false }
}

/** Each wanted task is one of the plan, and each of the plan is wanted. */
function unlikeTasks(
  tasks: readonly Task[],
  wanted: readonly (readonly WantedTask[])[],
): string | undefined {
  if (tasks.length !== wanted.length) return `it has ${tasks.length} tasks, not ${wanted.length}`
  const ids: string[] = []
  for (const [at, forms] of wanted.entries()) {
    const faults = new Set<string>()
    const found = tasks.find((task) => {
      if (ids.includes(task.id)) return false
      const fault = unlikeAll(task, forms)
      if (fault !== undefined) faults.add(fault)
      return fault === undefined
    })
    if (found === undefined) return `task ${at} is not there: ${[...faults].join('; ')}`
    ids.push(found.id)
  }
  for (const [at, [form]] of wanted.entries()) {
    const task = tasks.find(({ id }) => id === ids[at])
    const missing = form?.after.find((before) => !task?.dependsOn.includes(ids[before] ?? ''))
    if (missing !== undefined) return `task ${at} does not wait for task ${missing}`
  }
  return undefined
}

/** Why a task is none of these forms; undefined when it is one. */
function unlikeAll({ payload }: Task, forms: readonly WantedTask[]): string | undefined {
  const fields = fieldsOf(payload)
  const form = forms.find(({ kind }) => kind === fields['kind'])
  if (form === undefined) {
    const kinds = forms.map(({ kind }) => kind).join(' or ')
    return `${String(fields['kind'])} is not ${kinds}`
  }
  for (const [name, wanted] of Object.entries(form.with)) {
    const fault = unlike(fields[name], wanted)
    if (fault !== undefined) return `${name}: ${fault}`
  }
  return undefined
}

const fieldsOf = (payload: unknown): Readonly<Record<string, unknown>> => TaskPayload.parse(payload)
