/**
 * The policy language a second time, as naively as docs/policy.md reads: no compiling, no tables of
 * the engine, figures as fractions of text. Slow on purpose; only there to disagree.
 */
import {
  factsOf,
  isObject,
  objectIn,
  textIn,
  type Facts,
  type Json,
  type Obj,
} from './reference-facts.ts'
import { asset, coin, fold, recipient, scaled, units } from './spelling.ts'

type Verdict = { decision: string; rules: string[]; code: string; approvals?: number }
type Answer = 'yes' | 'no' | 'cannot be told'

/** Decides by the seven steps of docs/policy.md. */
export function referenceDecision(policy: Obj, request: Obj): Verdict {
  const facts = factsOf(request)
  if (facts === undefined) return { decision: 'deny', rules: [], code: 'POLICY_INPUT_INVALID' }
  const rules = Array.isArray(policy['rules']) ? policy['rules'].filter(isObject) : []
  const asked = rules.map((rule) => ({ rule, answer: ruleAnswer(policy, rule, facts, request) }))
  const ids = (effect: string | undefined, answer: Answer) =>
    asked
      .filter((one) => one.answer === answer)
      .filter(({ rule }) => effect === undefined || rule['effect'] === effect)
      .map(({ rule }) => textIn(rule, 'id') ?? '')
  const [denies, unsure] = [ids('deny', 'yes'), ids(undefined, 'cannot be told')]
  if (denies.length > 0) return { decision: 'deny', rules: denies, code: 'POLICY_DENIED' }
  if (unsure.length > 0) return { decision: 'deny', rules: unsure, code: 'POLICY_UNDECIDABLE' }
  const asking = ids('require_approval', 'yes')
  if (asking.length > 0) {
    const needed = rules
      .filter((rule) => asking.includes(textIn(rule, 'id') ?? ''))
      .map((rule) => (typeof rule['approvals'] === 'number' ? rule['approvals'] : 1))
      .reduce((most, n) => (n > most ? n : most), 1)
    return {
      decision: 'require_approval',
      rules: asking,
      code: 'NEEDS_APPROVAL',
      approvals: needed,
    }
  }
  const allows = ids('allow', 'yes')
  if (allows.length > 0) return { decision: 'allow', rules: allows, code: 'POLICY_ALLOWED' }
  return { decision: 'deny', rules: [], code: 'POLICY_NO_RULE' }
}

function ruleAnswer(policy: Obj, rule: Obj, facts: Facts, request: Obj): Answer {
  const when = objectIn(rule, 'when') ?? {}
  const answers = Object.entries(when).map(([name, condition]): Answer => {
    if (name === 'amount' && isObject(condition)) return amountAnswer(condition, facts)
    if (name === 'usd' && isObject(condition)) return usdAnswer(policy, condition, facts)
    if (name === 'time' && isObject(condition)) return yesNo(timeHolds(condition, facts.time))
    if (name === 'args') return argumentsAnswer(condition, facts.args)
    if ((name === 'count' || name === 'sum') && isObject(condition)) {
      return windowAnswer(policy, condition, facts, request)
    }
    return yesNo(nameHolds(policy, name, condition, facts.names[name]))
  })
  return allOf(answers)
}

/** One `no` is enough; then one that cannot be told. */
function allOf(answers: readonly Answer[]): Answer {
  if (answers.some((one) => one === 'no')) return 'no'
  return answers.some((one) => one === 'cannot be told') ? 'cannot be told' : 'yes'
}

const yesNo = (holds: boolean): Answer => (holds ? 'yes' : 'no')

const SPELLINGS: Record<string, (text: string) => string | undefined> = {
  recipient,
  asset,
  symbol: coin,
  network: (text) => text.toLowerCase(),
}

function nameHolds(
  policy: Obj,
  name: string,
  condition: Json | undefined,
  value: string | undefined,
): boolean {
  const isNot = isObject(condition) && condition['not'] !== undefined
  const listed = isObject(condition) ? (condition['not'] ?? condition['in']) : condition
  const entries = Array.isArray(listed) ? listed : [listed]
  const all = entries.flatMap((entry) => {
    if (typeof entry !== 'string' || !entry.startsWith('$')) return [entry]
    const list = (objectIn(policy, 'lists') ?? {})[entry.slice(1)]
    return Array.isArray(list) ? list : []
  })
  const spell = SPELLINGS[name] ?? ((text: string) => text)
  const isListed =
    value !== undefined && all.some((one) => typeof one === 'string' && spell(one) === value)
  return isListed !== isNot
}

function boundsHold(of: Obj, value: bigint, read: (text: string) => bigint | undefined): boolean {
  return ['gt', 'gte', 'lt', 'lte'].every((name) => {
    const given = of[name]
    if (given === undefined) return true
    const text = typeof given === 'number' ? given.toString() : given
    const bound = typeof text === 'string' ? read(text) : undefined
    if (bound === undefined) throw new Error('A bound is no figure.')
    if (name === 'gt') return value > bound
    if (name === 'gte') return value >= bound
    return name === 'lt' ? value < bound : value <= bound
  })
}

function amountAnswer(condition: Obj, { names, amount }: Facts): Answer {
  if (names['asset'] !== condition['asset'] || amount === undefined) return 'no'
  return yesNo(boundsHold(condition, amount, units))
}

function priced(policy: Obj, { usd, priceAt, time }: Facts): bigint | undefined {
  const maxAge = Number((objectIn(policy, 'prices') ?? {})['max_age_seconds'] ?? 3600) * 1000
  if (usd === undefined || priceAt === undefined) return undefined
  return time - priceAt > maxAge || priceAt - time > 5_000 ? undefined : usd
}

function usdAnswer(policy: Obj, condition: Obj, facts: Facts): Answer {
  if (facts.amount === undefined && facts.usd === undefined) return 'no'
  const value = priced(policy, facts)
  if (value === undefined) return 'cannot be told'
  return yesNo(boundsHold(condition, value, (text) => scaled(text, 6)))
}

function timeHolds(condition: Obj, time: number): boolean {
  const iso = new Date(time).toISOString()
  const day = new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: 'UTC' })
    .format(time)
    .toLowerCase()
  const { days, from, to, after, before } = condition
  if (Array.isArray(days) && !days.includes(day)) return false
  if (typeof after === 'string' && time < new Date(after).getTime()) return false
  if (typeof before === 'string' && time >= new Date(before).getTime()) return false
  if (typeof from !== 'string' || typeof to !== 'string') return true
  const clock = iso.slice(11, 16)
  if (from <= to) return clock >= from && clock < to
  return clock >= from || clock < to
}

function argumentsAnswer(condition: Json | undefined, args: Obj): Answer {
  const tests = Array.isArray(condition) ? condition.filter(isObject) : []
  const answers = tests.map((test) => argumentAnswer(test, args))
  return allOf(answers)
}

const textOf = (value: Json | undefined): string | undefined => {
  if (typeof value === 'string') return fold(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return typeof value === 'number' && Number.isSafeInteger(value) ? value.toString() : undefined
}

function argumentAnswer(test: Obj, args: Obj): Answer {
  const value = (textIn(test, 'at') ?? '')
    .split('/')
    .slice(1)
    .reduce<Json | undefined>((at, key) => {
      if (Array.isArray(at)) return Object.hasOwn(at, key) ? at[Number(key)] : undefined
      return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
    }, args)
  const text = textOf(value)
  const listed = (list: Json | undefined) =>
    Array.isArray(list) && text !== undefined && list.some((one) => textOf(one) === text)
  if (test['present'] !== undefined && test['present'] !== (value !== undefined)) return 'no'
  if (test['in'] !== undefined && !listed(test['in'])) return 'no'
  if (test['not'] !== undefined && listed(test['not'])) return 'no'
  const { contains } = test
  if (Array.isArray(contains)) {
    const texts = [value].flat(8).filter((one) => typeof one === 'string')
    const words = contains.filter((one) => typeof one === 'string')
    if (!texts.some((one) => words.some((word) => fold(one).includes(fold(word))))) return 'no'
  }
  if (!['gt', 'gte', 'lt', 'lte'].some((name) => test[name] !== undefined)) return 'yes'
  if (value === undefined) return 'no'
  const figure = text === undefined ? undefined : scaled(text, 18)
  if (figure === undefined) return 'cannot be told'
  return yesNo(boundsHold(test, figure, (bound) => scaled(bound, 18)))
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 }

function windowAnswer(policy: Obj, condition: Obj, facts: Facts, request: Obj): Answer {
  const per = textIn(condition, 'per') ?? ''
  if (facts.names[per] === undefined) return 'no'
  const { actions } = condition
  const named = Array.isArray(actions) ? [...new Set(actions.map(String))].toSorted() : undefined
  const action = facts.names['action'] ?? ''
  const isCounted = named === undefined ? action !== 'read' : named.includes(action)
  const length = textIn(condition, 'window') ?? ''
  const seconds = Number(length.slice(0, -1)) * (SECONDS[length.slice(-1)] ?? 0)
  const unit = textIn(condition, 'unit')
  const kind = unit === undefined ? 'count' : `sum-${unit}`
  const name = `${kind}/${per}/${seconds}s/${named?.join('+') ?? '*'}`
  const held = units(textIn(objectIn(request, 'windows') ?? {}, name) ?? 'none')
  let own: bigint | undefined = 0n
  if (isCounted && unit === undefined) own = 1n
  if (isCounted && unit === 'usd' && (facts.amount !== undefined || facts.usd !== undefined)) {
    own = priced(policy, facts)
  }
  if (isCounted && unit !== undefined && unit !== 'usd' && unit === facts.names['asset'])
    own = facts.amount ?? 0n
  if (held === undefined || own === undefined) return 'cannot be told'
  const read = unit === 'usd' ? (text: string) => scaled(text, 6) : units
  return yesNo(boundsHold(condition, held + own, read))
}
