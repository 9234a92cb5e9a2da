import { GoalStatus, Mode } from '@chimera/contracts/goal'
import type { GoalSummary, GoalView } from '@chimera/contracts/observable'
import { z } from 'zod'

/** A model that reads a goal needs no more of one text; the gateway has the rest. */
const MAX_TEXT = 500
/** Tasks and effects that are shown of one goal; the counts say how many there are. */
const MAX_SHOWN = 50

const Waiting = z.strictObject({
  reason: z.string(),
  until: z.string().optional(),
  unblock: z.string().optional().describe('the command that a person would use'),
})
const Failure = z.strictObject({ code: z.string(), message: z.string() })

/** What every view of a goal says. */
const Brief = {
  id: z.string(),
  status: GoalStatus,
  mode: Mode,
  text: z.string().describe('the words of the goal, cut to length'),
  agent_id: z.string(),
  waiting_on: Waiting.optional(),
  failure: Failure.optional(),
  tasks_total: z.int(),
  tasks_open: z.int(),
  received_at: z.string().optional(),
  finished_at: z.string().optional(),
  url: z.string().describe('the goal at the API of the swarm; it wants a token of the gateway'),
}

/** A goal in a list. */
export const GoalBrief = z.strictObject(Brief)
export type GoalBrief = z.infer<typeof GoalBrief>

/** A goal with what it has come to. */
export const GoalShown = z.strictObject({
  ...Brief,
  is_over: z.boolean().describe('nothing more will happen'),
  tasks: z
    .array(
      z.strictObject({
        kind: z.string(),
        status: z.string(),
        phase: z.string(),
        waiting_on: Waiting.optional(),
        failure: Failure.optional(),
      }),
    )
    .max(MAX_SHOWN),
  effects: z
    .array(
      z.strictObject({
        slot: z.string(),
        round: z.int(),
        tool: z.string(),
        account: z.string().optional(),
        state: z.string(),
        provider_ref: z.string().optional().describe('such as the id of the tweet'),
        code: z.string().optional(),
        detail: z.string().optional(),
      }),
    )
    .max(MAX_SHOWN)
    .describe('what was done in the world, or is to be'),
  partial: z.array(z.string()).describe('slots that did happen though the goal did not complete'),
})
export type GoalShown = z.infer<typeof GoalShown>

/** The brief view of a goal; `url` is where it can be looked at. */
export function briefOf(goal: GoalSummary, url: string): GoalBrief {
  const { id, status, mode, agent_id, tasks_total, tasks_open } = goal
  return {
    id,
    status,
    mode,
    text: cut(goal.text),
    agent_id,
    ...waitingOf(goal.waiting_on),
    ...failureOf(goal.failure),
    tasks_total,
    tasks_open,
    ...(goal.received_at === null ? {} : { received_at: goal.received_at }),
    ...(goal.finished_at === null ? {} : { finished_at: goal.finished_at }),
    url,
  }
}

/** The whole view of a goal. */
export function shownOf(goal: GoalView, url: string): GoalShown {
  return {
    ...briefOf(goal, url),
    is_over: isOver(goal),
    tasks: goal.tasks.slice(0, MAX_SHOWN).map((task) => ({
      kind: task.kind,
      status: task.status,
      phase: task.phase,
      ...waitingOf(task.waiting_on),
      ...failureOf(task.failure),
    })),
    effects: goal.effects.slice(0, MAX_SHOWN).map((effect) => ({
      slot: effect.slot,
      round: effect.round,
      tool: effect.tool,
      state: effect.state,
      ...(effect.account === null ? {} : { account: effect.account }),
      ...(effect.provider_ref === null ? {} : { provider_ref: effect.provider_ref }),
      ...(effect.code === null ? {} : { code: effect.code }),
      ...(effect.detail === null ? {} : { detail: cut(effect.detail) }),
    })),
    partial: goal.partial,
  }
}

/** A goal's own end, and of what a cancel could not call back. */
export function isOver({ status, effects }: Pick<GoalView, 'status' | 'effects'>): boolean {
  const isEnded = status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED'
  return isEnded && !effects.some(({ cancelling }) => cancelling)
}

/** One sentence on how far a goal is, for whoever waits. */
export function progressOf(goal: GoalView): { progress: number; total: number; message: string } {
  const total = Math.max(goal.tasks_total, 1)
  const why = goal.waiting_on === null ? '' : `: waits for ${cut(goal.waiting_on.reason)}`
  return { progress: goal.tasks_total - goal.tasks_open, total, message: `${goal.status}${why}` }
}

function waitingOf(waiting: GoalSummary['waiting_on']): { waiting_on?: z.infer<typeof Waiting> } {
  if (waiting === null) return {}
  const { reason, until, unblock } = waiting
  return {
    waiting_on: {
      reason: cut(reason),
      ...(until === null ? {} : { until }),
      ...(unblock === null ? {} : { unblock }),
    },
  }
}

function failureOf(failure: GoalSummary['failure']): { failure?: z.infer<typeof Failure> } {
  return failure === null ? {} : { failure: { code: failure.code, message: cut(failure.message) } }
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`
}
