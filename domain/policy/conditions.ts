import { baseSymbol } from '@chimera/contracts/policy/base-symbol'
import type { AnyOf, PolicyConditions } from '@chimera/contracts/policy/policy-document'

import { CLOCK_SKEW_MS } from '../budget/usd-worth.ts'
import type { CanonicalRequest } from './canonical-request.ts'
import {
  canonicalAsset,
  canonicalDecimal,
  canonicalDollars,
  canonicalName,
  canonicalNetwork,
  canonicalPersona,
  canonicalRecipient,
  canonicalTime,
  canonicalUnits,
  foldedText,
} from './canonical-values.ts'
import { ownShare, subjectOf, type Window, windowOf } from './windows.ts'

/** `undefined`: it cannot be told, and then the request is denied. */
export type Truth = boolean | undefined

/** Beside the request: what the record knows, and how old a price may be. */
export type Surroundings = Readonly<{
  /** What the window held before this request; undefined: nobody can say. */
  windowValue: (window: Window, subject: string) => bigint | undefined
  priceMaxAgeMs: number
}>

/** One condition of a rule, ready to be asked. */
export type Condition = Readonly<{
  name: string
  test: (request: CanonicalRequest, around: Surroundings) => Truth
  /** Set where the past is asked. */
  window?: Window
}>

/** An entry of a rule that has no canonical form: the policy cannot be used. */
export class ConditionFault extends Error {}

export type Lists = Readonly<Record<string, readonly string[]>>

const asIs = (text: string): string | undefined => text

/** Sets of names: the field of the request, and how an entry of the rule is spelled. */
const NAMED = {
  tool: asIs,
  action: asIs,
  mode: asIs,
  label: asIs,
  agent: canonicalName,
  campaign: canonicalName,
  goal: canonicalName,
  account: canonicalName,
  persona: canonicalPersona,
  asset: canonicalAsset,
  network: canonicalNetwork,
  recipient: canonicalRecipient,
  symbol: (text: string) => canonicalAsset(baseSymbol(text)),
} as const
const NAMES = [
  'tool',
  'action',
  'mode',
  'label',
  'agent',
  'campaign',
  'goal',
  'account',
  'persona',
  'asset',
  'network',
  'recipient',
  'symbol',
] as const satisfies readonly (keyof typeof NAMED)[]

/** The conditions of one rule, the cheap ones first. Throws ConditionFault. */
export function compileConditions(when: PolicyConditions, lists: Lists): Condition[] {
  const conditions: Condition[] = []
  for (const name of NAMES) {
    const given = when[name]
    if (given !== undefined) conditions.push(inSet(name, given, lists))
  }
  if (when.amount !== undefined) conditions.push(amountWithin(when.amount))
  if (when.usd !== undefined) conditions.push(usdWithin(when.usd))
  if (when.time !== undefined) conditions.push(timeWithin(when.time))
  for (const test of when.args ?? []) conditions.push(argumentTest(test))
  for (const counted of [when.count, when.sum]) {
    if (counted !== undefined) conditions.push(windowWithin(counted))
  }
  return conditions
}

function inSet(name: (typeof NAMES)[number], given: AnyOf, lists: Lists): Condition {
  const isIn = 'in' in given
  const entries = isIn ? given.in : given.not
  const spelled = entries.flatMap((entry) => {
    if (!entry.startsWith('$')) return [entry]
    const list = Object.hasOwn(lists, entry.slice(1)) ? lists[entry.slice(1)] : undefined
    if (list === undefined) throw new ConditionFault(`${name}: there is no list ${entry}`)
    return [...list]
  })
  const set = new Set(
    spelled.map((entry) => {
      const canonical = NAMED[name](entry)
      if (canonical !== undefined) return canonical
      throw new ConditionFault(`${name}: ${JSON.stringify(entry)} has no canonical form`)
    }),
  )
  return {
    name,
    test: (request) => {
      const value = request[name]
      return (value !== undefined && set.has(value)) === isIn
    },
  }
}

type Bounds = Readonly<{
  gt?: string | number | undefined
  gte?: string | number | undefined
  lt?: string | number | undefined
  lte?: string | number | undefined
}>

/** Whether a figure keeps to all bounds that are given. */
function compileBounds(
  of: Bounds,
  read: (text: string) => bigint | undefined,
): (value: bigint) => boolean {
  const bound = (given: string | number | undefined): bigint | undefined => {
    if (given === undefined) return undefined
    const value = read(String(given))
    if (value === undefined) throw new ConditionFault(`${given} is no figure`)
    return value
  }
  const [gt, gte, lt, lte] = [bound(of.gt), bound(of.gte), bound(of.lt), bound(of.lte)]
  return (value) =>
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
}

function amountWithin(of: NonNullable<PolicyConditions['amount']>): Condition {
  const isWithin = compileBounds(of, canonicalUnits)
  return {
    name: 'amount',
    test: ({ asset, amount }) =>
      asset === of.asset && (amount === undefined ? undefined : isWithin(amount)),
  }
}

function usdWithin(of: NonNullable<PolicyConditions['usd']>): Condition {
  const isWithin = compileBounds(of, canonicalDollars)
  return {
    name: 'usd',
    test: (request, around) => {
      if (request.amount === undefined && request.usdMicros === undefined) return false
      const value = freshUsd(request, around)
      return value === undefined ? undefined : isWithin(value)
    },
  }
}

/** What it is worth by a price that is fresh; nothing when there is none. */
function freshUsd(
  { usdMicros, pricedAt, time }: CanonicalRequest,
  { priceMaxAgeMs }: Surroundings,
): bigint | undefined {
  if (pricedAt === undefined) return undefined
  const ageMs = time - pricedAt
  return ageMs <= priceMaxAgeMs && ageMs >= -CLOCK_SKEW_MS ? usdMicros : undefined
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

function timeWithin(of: NonNullable<PolicyConditions['time']>): Condition {
  const minutes = (clock: string): number =>
    Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5))
  const [from, to] = of.from && of.to ? [minutes(of.from), minutes(of.to)] : [0, 24 * 60]
  const after = of.after === undefined ? undefined : canonicalTime(of.after)
  const before = of.before === undefined ? undefined : canonicalTime(of.before)
  const test = ({ time }: CanonicalRequest): boolean => {
    const date = new Date(time)
    const day = DAYS[date.getUTCDay()]
    if (of.days !== undefined && (day === undefined || !of.days.includes(day))) return false
    if (after !== undefined && time < after) return false
    if (before !== undefined && time >= before) return false
    const minute = date.getUTCHours() * 60 + date.getUTCMinutes()
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to
  }
  return { name: 'time', test }
}

type ArgumentTest = NonNullable<PolicyConditions['args']>[number]

/** Figures of arguments are compared to so many decimals. */
const ARGUMENT_DECIMALS = 18

function argumentTest(of: ArgumentTest): Condition {
  const folded = (values: ArgumentTest['in']) =>
    values === undefined ? undefined : new Set(values.map(scalarText))
  const [allowed, refused] = [folded(of.in), folded(of.not)]
  const words = of.contains?.map(foldedText)
  const hasBounds = [of.gt, of.gte, of.lt, of.lte].some((bound) => bound !== undefined)
  const read = (text: string) => canonicalDecimal(text, ARGUMENT_DECIMALS)
  const isWithin = compileBounds(of, read)
  const path = of.at.split('/').slice(1)
  const test = ({ args }: CanonicalRequest): Truth => {
    const value = valueAt(args, path)
    if (of.present !== undefined && (value !== undefined) !== of.present) return false
    const text = scalarText(value)
    if (allowed !== undefined && !(text !== undefined && allowed.has(text))) return false
    if (refused !== undefined && text !== undefined && refused.has(text)) return false
    if (words !== undefined && !containsAny(value, words)) return false
    if (!hasBounds) return true
    if (value === undefined) return false
    const figure = text === undefined ? undefined : read(text)
    return figure === undefined ? undefined : isWithin(figure)
  }
  return { name: `args ${of.at}`, test }
}

/** Text folded; booleans and whole numbers as their text; nothing for what is none of these. */
function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return foldedText(value)
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  return undefined
}

/** Looks into lists, too: a word in one of several texts is a word in the argument. */
function containsAny(value: unknown, words: readonly string[]): boolean {
  if (Array.isArray(value)) return value.some((item: unknown) => containsAny(item, words))
  if (typeof value !== 'string') return false
  const text = foldedText(value)
  return words.some((word) => text.includes(word))
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let at = root
  for (const part of path) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = Reflect.get(at, key)
  }
  return at
}

function windowWithin(
  of: NonNullable<PolicyConditions['count']> | NonNullable<PolicyConditions['sum']>,
): Condition {
  const window = windowOf(of)
  const isWithin = compileBounds(of, window.measure === 'usd' ? canonicalDollars : canonicalUnits)
  return {
    name: window.measure === 'effects' ? 'count' : 'sum',
    window,
    test: (request, around) => {
      const subject = subjectOf(window.per, request)
      if (subject === undefined) return false
      const isPriced = window.measure === 'usd' && window.actions.includes(request.action)
      const isWorthNothing = request.amount === undefined && request.usdMicros === undefined
      if (isPriced && !isWorthNothing && freshUsd(request, around) === undefined) return undefined
      const own = ownShare(window, request)
      const held = around.windowValue(window, subject)
      return own === undefined || held === undefined ? undefined : isWithin(held + own)
    },
  }
}
