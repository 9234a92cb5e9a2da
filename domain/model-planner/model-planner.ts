import type { TaskConstraints } from '@chimera/contracts/agent-task'
import { TerminalError } from '@chimera/contracts/errors'
import { DEFAULT_MAX_COST_USD, type Goal } from '@chimera/contracts/goal'
import { DEFAULT_RULES, type Pointer } from '@chimera/contracts/judging/provenance'
import { USD_MICROS, usdToMicros } from '@chimera/contracts/money'
import { TaskPayload } from '@chimera/contracts/task-payload'

import { freezePlan, type Plan, type TaskDraft } from '../plan.ts'
import { checkAmount } from '../rule-planner/amount.ts'
import { intentOf } from '../rule-planner/intent.ts'
import { type DefaultRule, fromDefault, fromText } from '../rule-planner/origin.ts'
import { slotId } from '../slots.ts'
import { taskId } from '../task-id.ts'
import { findQuote } from './quote.ts'

/** Name and version, as of the rule planner. */
export const MODEL_PLANNER = 'model@1'

/** What a model may plan. */
export const PLANNABLE_KINDS = [
  'tweet.post',
  'tweet.reply',
  'wallet.transfer',
  'agent.research',
  'agent.write',
  'agent.engage',
] as const satisfies readonly TaskPayload['kind'][]
export type PlannableKind = (typeof PLANNABLE_KINDS)[number]

/** A goal in words; a structured one leaves nothing to understand. */
export type TextGoal = Extract<Goal, { text: string }>

/** One task as a model proposes it. */
export type ProposedTask = {
  /** Names the task within this plan. */
  readonly name: string
  readonly kind: PlannableKind
  /** Names of the tasks that have to be done before. */
  readonly after: readonly string[]
  /** Parameter -> the words of the goal that give it, verbatim. */
  readonly quotes: Readonly<Record<string, string>>
}

/** A plan of more is no plan of one sentence. */
export const MAX_PROPOSED_TASKS = 16

type Form = {
  readonly quotes: readonly string[]
  readonly defaults: Readonly<Record<string, DefaultRule>>
  /** The slot of the nth task of its kind; kinds without an effect have none. */
  readonly slot?: (quotes: Readonly<Record<string, string>>, nth: number) => string
}

/** The model picks the kind and quotes the owner; it writes nothing itself. */
export const PLAN_FORMS: Readonly<Record<PlannableKind, Form>> = {
  'tweet.post': {
    quotes: ['text'],
    defaults: { media_ids: 'no-media', is_ai_labeled: 'ai-labeled' },
    slot: publishSlot,
  },
  'tweet.reply': {
    quotes: ['in_reply_to', 'text'],
    defaults: { is_ai_labeled: 'ai-labeled' },
    slot: replySlot,
  },
  'wallet.transfer': {
    quotes: ['amount', 'asset', 'to'],
    defaults: {},
    slot: (_quotes, nth) => slotId('pay', nth),
  },
  'agent.research': { quotes: ['instruction'], defaults: {} },
  'agent.write': { quotes: ['instruction'], defaults: {}, slot: publishSlot },
  'agent.engage': { quotes: ['in_reply_to', 'instruction'], defaults: {}, slot: replySlot },
}

/**
 * Makes a plan of what a model proposed for a goal in words. Every parameter is a stretch of the
 * goal, so that slots, recipients, amounts and texts are the owner's own; what the model made up
 * is in none of them. The same proposal gives the very same plan. Throws TerminalError
 * (PLAN_INVALID) that says what does not fit, for the model to repair.
 */
export function planOfModel(of: {
  readonly tenant: string
  readonly goalId: string
  readonly receivedMs: number
  readonly goal: TextGoal
  readonly tasks: readonly ProposedTask[]
}): Plan {
  const { tenant, goalId, receivedMs, goal, tasks } = of
  if (tasks.length === 0 || tasks.length > MAX_PROPOSED_TASKS) {
    throw invalid(`The plan has ${tasks.length} tasks; it may have 1 to ${MAX_PROPOSED_TASKS}.`)
  }
  const ids = new Map(
    tasks.map(({ name }, index) => [
      name,
      taskId({ tenant, goalId, receivedMs, planner: MODEL_PLANNER, index }),
    ]),
  )
  if (ids.size < tasks.length) throw invalid('Two tasks of the plan have one name.')
  const counts = new Map<unknown, number>()
  const intents = tasks.map((task) => {
    const form = PLAN_FORMS[task.kind]
    const nth = (counts.get(form.slot) ?? 0) + 1
    counts.set(form.slot, nth)
    return intentOf(payloadOf(goal.text, task, nth))
  })
  const drafts = tasks.map(({ name, after }, index): TaskDraft => {
    const [payload] = intents[index]?.payloads ?? []
    const id = ids.get(name)
    if (payload === undefined || id === undefined) throw invalid(`Task ${name} is none.`)
    const dependsOn = after.map((parent) => ids.get(parent) ?? unknownParent(name, parent))
    return { id, payload, constraints: constraintsOf(goal, tasks.length), dependsOn }
  })
  return freezePlan({
    planner: MODEL_PLANNER,
    tasks: drafts,
    slots: intents.flatMap(({ slots }) => slots),
    maxCostUsd: goal.max_cost_usd ?? DEFAULT_MAX_COST_USD,
  })
}

function payloadOf(text: string, task: ProposedTask, nth: number): TaskPayload {
  const { kind, name, quotes } = task
  const form = PLAN_FORMS[kind]
  const values: Record<string, unknown> = {}
  const origin: Record<string, Pointer> = {}
  for (const parameter of form.quotes) {
    const quote = quotes[parameter]?.normalize('NFC')
    const span = quote === undefined ? undefined : findQuote(text, quote)
    if (span === undefined) {
      throw invalid(`Task ${name}: quotes.${parameter} has to be words of the goal, verbatim.`)
    }
    values[parameter] = text.slice(...span)
    origin[`/${parameter}`] = fromText(span)
  }
  const extra = Object.keys(quotes).find((parameter) => !form.quotes.includes(parameter))
  if (extra !== undefined) throw invalid(`Task ${name}: ${kind} takes no ${extra}.`)
  for (const [parameter, rule] of Object.entries(form.defaults)) {
    values[parameter] = DEFAULT_RULES[rule]
    origin[`/${parameter}`] = fromDefault(rule)
  }
  const slot = form.slot === undefined ? {} : { slot: form.slot(quotes, nth) }
  const payload = TaskPayload.safeParse({ kind, ...values, ...slot, origin })
  if (!payload.success) {
    const [issue] = payload.error.issues
    throw invalid(`Task ${name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`)
  }
  const fault = payload.data.kind === 'wallet.transfer' && checkAmount(payload.data.amount)
  if (typeof fault === 'string') throw invalid(`Task ${name}: the amount ${fault}.`)
  return payload.data
}

function publishSlot(_quotes: unknown, nth: number): string {
  return nth === 1 ? slotId('publish') : slotId('publish', nth)
}

/** A post id is checked with the payload; what is none must not break the name of the slot. */
function replySlot({ in_reply_to: id = '' }: Readonly<Record<string, string>>): string {
  return slotId('reply', /^\d{1,19}$/.test(id) ? id : '0')
}

/** What the goal may cost is shared out evenly, rounded down to a micro. */
function constraintsOf(goal: TextGoal, among: number): TaskConstraints {
  const micros = usdToMicros(goal.max_cost_usd ?? DEFAULT_MAX_COST_USD) / BigInt(among)
  return {
    max_cost_usd: Number(micros) / Number(USD_MICROS),
    ...(goal.voice_ref === undefined ? {} : { voice_ref: goal.voice_ref }),
  }
}

function unknownParent(name: string, parent: string): never {
  throw invalid(`Task ${name} is after ${parent}, which the plan does not have.`)
}

const invalid = (message: string) => new TerminalError('PLAN_INVALID', message)
