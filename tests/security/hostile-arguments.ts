/** Arguments that no tool may act on, made from the tool's own schema. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

import type { Random } from '../guarantee.ts'
import { sampleOf, ToolSchema } from '../sample-arguments.ts'

/** A member of an object as it stands in the text; the same key may stand there twice. */
type Member = readonly [key: string, json: string]

/** The arguments of one call as JSON text: `JSON.stringify` could not say all of them. */
export type HostileArguments = Readonly<{ kind: string; json: string }>

/** `isSure`: no schema has to be asked. */
type Made = HostileArguments & Readonly<{ isSure?: boolean }>

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })

/** Amounts that are none, or that nobody has. */
const AMOUNTS = [
  '',
  ' 1',
  '1 ',
  ...'-1|-0|+1|0x10|1e9|1.5.5|1,000|1_000|NaN|Infinity|１２|٣|1\u200b|00|.5|5.'.split('|'),
  `0.${'0'.repeat(40)}1`,
  '9'.repeat(400),
]
const TEXTS = [
  ...'\u0000|\u202Eevil|\u001B[2J|../../etc/passwd|${7*7}|http://169.254.169.254/'.split('|'),
  "'; DROP TABLE entries; --",
  '{"$ne":null}',
  'x'.repeat(50_000),
  '\u{1F600}'.repeat(5_000),
]
/** Half a pair: JSON can say it, Unicode cannot. */
const SURROGATES = ['\uD800', 'a\uDC00', '\uDBFF\uDBFF', 'ok \uD83D']
const OTHERS: unknown[] = [null, 0, -1, 0.1, 1e308, true, [], {}, [[]], ['']]
const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'admin',
  '',
  '\u0000',
  'to\u202E',
]

/** Makes arguments that the schema forbids, or that are no JSON of the Internet at all. */
export function createHostileArguments(
  inputSchema: Readonly<Record<string, unknown>>,
): (random: Random) => HostileArguments {
  const validate = ajv.compile(inputSchema)
  const { properties = {}, required = [] } = ToolSchema.parse(inputSchema)
  const base = Object.entries(properties)
    .filter(([key]) => required.includes(key))
    .map(([key, schema]): Member => [key, JSON.stringify(sampleOf(schema))])
  const names = Object.keys(properties)
  return (random) => {
    for (;;) {
      const made = random.pick(MUTATIONS)({ base, names, random })
      if (made !== undefined && isForbidden(made, validate)) return made
    }
  }
}

type Given = { base: readonly Member[]; names: readonly string[]; random: Random }
type Mutation = (given: Given) => Made | undefined

const objectOf = (members: readonly Member[]): string =>
  `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`

/** What is nested deeper is nobody's arguments. */
const MAX_DEPTH = 64

/** Puts a value in the place of a member, or adds it. */
const withMember = (base: readonly Member[], key: string, json: string): string =>
  objectOf([...base.filter(([name]) => name !== key), [key, json]])

const replaceBy =
  (kind: string, values: readonly unknown[]): Mutation =>
  ({ base, names, random }) => {
    if (names.length === 0) return undefined
    const json = withMember(base, random.pick(names), JSON.stringify(random.pick(values)))
    return { kind, json }
  }

const MUTATIONS: readonly Mutation[] = [
  replaceBy('a wrong amount', AMOUNTS),
  replaceBy('a hostile text', TEXTS),
  replaceBy('half a surrogate pair', SURROGATES),
  replaceBy('a wrong type', OTHERS),
  ({ base, names, random }) => {
    if (names.length === 0) return undefined
    const depth = random.pick([10, 63, 5_000])
    const tower = '['.repeat(depth) + ']'.repeat(depth)
    const json = withMember(base, random.pick(names), tower)
    return { kind: 'a tower', json, isSure: depth > MAX_DEPTH }
  },
  ({ base, random }) => ({
    kind: 'an unknown key',
    json: objectOf([...base, [random.pick(KEYS), JSON.stringify(random.pick(OTHERS))]]),
  }),
  ({ base, random }) => {
    if (base.length === 0) return undefined
    const [key, json] = random.pick(base)
    const again = random.pick([json, '"other"', 'null'])
    return { kind: 'a key twice', json: objectOf([...base, [key, again]]), isSure: true }
  },
  ({ base, random }) => {
    if (base.length === 0) return undefined
    const left = random.pick(base)
    return { kind: 'a missing key', json: objectOf(base.filter((member) => member !== left)) }
  },
  ({ random }) => ({
    kind: 'no object',
    json: random.pick(['[]', '"text"', '5', 'true', 'null', '[{}]']),
  }),
]

/** Whether nobody may act on it: decided by the schema alone, and by what a text of Unicode is. */
function isForbidden({ json, isSure }: Made, validate: ValidateFunction): boolean {
  if (isSure === true || /\\ud[89a-f]/i.test(json)) return true
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value !== null
  return !validate(value)
}
