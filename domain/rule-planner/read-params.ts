import { TerminalError, type Fault } from '@chimera/contracts/errors'
import type { Goal } from '@chimera/contracts/goal'
import { DEFAULT_RULES, type Pointer } from '@chimera/contracts/judging/provenance'
import { PostId, TaskPayload, TransferId, type TaskKind } from '@chimera/contracts/task-payload'

import { slotId } from '../slots.ts'
import { MAX_TASKS } from '../task-graph.ts'
import { checkAmount } from './amount.ts'
import { intentOf, isNoopCount, noops, SLOT, type Intent } from './intent.ts'
import { fromDefault, fromParam, type DefaultRule } from './origin.ts'

type Params = Readonly<Extract<Goal, { params: unknown }>['params']>

/** What a kind takes: names that must be there, and names with the rule that fills them. */
type Form = {
  readonly required: readonly string[]
  readonly optional: Readonly<Record<string, DefaultRule>>
  /** The slot of its effect, or a fault; kinds without an effect have none. */
  readonly slot?: (params: Params) => string | Fault
}

const FORMS: Readonly<Record<TaskKind, Form>> = {
  noop: { required: ['count'], optional: {} },
  generic: { required: ['text'], optional: {} },
  'research.question': { required: ['question'], optional: {} },
  'trade.scan': { required: ['symbols'], optional: {} },
  'tweet.post': {
    required: ['text'],
    optional: { media_ids: 'no-media', is_ai_labeled: 'ai-labeled' },
    slot: () => SLOT.publish,
  },
  'tweet.reply': {
    required: ['in_reply_to', 'text'],
    optional: { is_ai_labeled: 'ai-labeled' },
    slot: replySlot,
  },
  'wallet.transfer': {
    required: ['amount', 'asset', 'to'],
    optional: {},
    slot: () => SLOT.pay,
  },
  'wallet.unstick': {
    required: ['transfer_id'],
    optional: {},
    slot: unstickSlot,
  },
  'agent.research': { required: ['instruction'], optional: {} },
  'agent.write': { required: ['instruction'], optional: {}, slot: () => SLOT.publish },
  'agent.engage': { required: ['in_reply_to', 'instruction'], optional: {}, slot: replySlot },
}

/** Kinds without an effect that point at the owner's words all the same: a model is shown them. */
const QUOTING: ReadonlySet<string> = new Set(['agent.research'])

/** Kinds of structured goals with their parameters, for messages and for `--help`. */
export const PARAM_FORMS: readonly string[] = Object.entries(FORMS).map(([kind, form]) => {
  const optional = Object.keys(form.optional).map((name) => `${name}?`)
  return `${kind} {${[...form.required, ...optional].join(', ')}}`
})

/**
 * Reads a structured goal. Throws TerminalError: GOAL_NOT_UNDERSTOOD for a kind that is none,
 * INPUT_INVALID with every parameter that is unknown, missing or of the wrong type, by JSON pointer
 * into the goal.
 */
export function readParams(kind: string, params: Params): Intent {
  if (!isKind(kind)) {
    const message = `There is no goal of kind ${kind}; there are: ${PARAM_FORMS.join('; ')}.`
    throw new TerminalError('GOAL_NOT_UNDERSTOOD', message)
  }
  const faults = [...faultsOfNames(kind, params), ...faultsOfText(params)]
  if (faults.length > 0) throw invalid(faults)
  if (kind === 'noop') return readNoop(params)
  return readPayload(kind, params)
}

const isKind = (kind: string): kind is TaskKind => Object.hasOwn(FORMS, kind)

function faultsOfNames(kind: TaskKind, params: Params): Fault[] {
  const { required, optional } = FORMS[kind]
  const missing = required
    .filter((name) => !Object.hasOwn(params, name))
    .map((name) => fault(name, 'is missing'))
  const unknown = Object.keys(params)
    .filter((name) => !required.includes(name) && !Object.hasOwn(optional, name))
    .map((name) => fault(name, `is no parameter of ${kind}`))
  return [...missing, ...unknown]
}

/** A text of nothing but space says nothing. */
function faultsOfText(params: Params): Fault[] {
  return Object.entries(params)
    .filter(([, value]) => typeof value === 'string' && value.trim() === '')
    .map(([name]) => fault(name, 'is empty'))
}

function readNoop({ count }: Params): Intent {
  if (typeof count === 'number' && isNoopCount(count)) return noops(count)
  throw invalid([fault('count', `has to be a whole number from 1 to ${MAX_TASKS}`)])
}

function readPayload(kind: Exclude<TaskKind, 'noop'>, params: Params): Intent {
  const slot = FORMS[kind].slot?.(params)
  if (typeof slot === 'object') throw invalid([slot])
  const parsed = TaskPayload.safeParse({
    kind,
    ...withDefaults(kind, params),
    ...(slot === undefined ? {} : { slot }),
    ...(slot === undefined && !QUOTING.has(kind) ? {} : { origin: originOf(kind, params) }),
  })
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }): Fault => ({
      pointer: `/params/${path.join('/')}`,
      detail: message,
    }))
    throw invalid(faults)
  }
  const payload = parsed.data
  if (payload.kind === 'wallet.transfer') {
    const wrong = checkAmount(payload.amount)
    if (wrong !== undefined) throw invalid([fault('amount', wrong)])
  }
  return intentOf(payload)
}

function withDefaults(kind: TaskKind, params: Params): Record<string, unknown> {
  const values: Record<string, unknown> = { ...params }
  for (const [name, rule] of Object.entries(FORMS[kind].optional)) {
    if (!Object.hasOwn(params, name)) values[name] = DEFAULT_RULES[rule]
  }
  return values
}

function originOf(kind: TaskKind, params: Params): Record<string, Pointer> {
  const { required, optional } = FORMS[kind]
  const origin: Record<string, Pointer> = {}
  for (const name of required) origin[`/${name}`] = fromParam(name)
  for (const [name, rule] of Object.entries(optional)) {
    origin[`/${name}`] = Object.hasOwn(params, name) ? fromParam(name) : fromDefault(rule)
  }
  return origin
}

function replySlot({ in_reply_to: id }: Params): string | Fault {
  const parsed = PostId.safeParse(id)
  return parsed.success
    ? slotId('reply', parsed.data)
    : fault('in_reply_to', 'has to be a post id: a text of 1 to 19 digits')
}

function unstickSlot({ transfer_id: id }: Params): string | Fault {
  const parsed = TransferId.safeParse(id)
  return parsed.success
    ? slotId('unstick', parsed.data)
    : fault('transfer_id', 'has to be the id of a transfer, a UUID')
}

/** RFC 6901: `~` and `/` inside a name are escaped. */
const fault = (name: string, detail: string): Fault => ({
  pointer: `/params/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
  detail,
})

function invalid(faults: readonly Fault[]): TerminalError {
  const sentences = faults.map(({ pointer, detail }) => `${pointer} ${detail}`)
  const message = `The parameters do not fit: ${sentences.join('; ')}.`
  return new TerminalError('INPUT_INVALID', message, { faults })
}
