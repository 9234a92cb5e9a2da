/** Arguments that a tool may take, as far as its schema alone lets guess them. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'

/** The parts of a JSON Schema that are looked at here. */
export const ToolSchema = z.looseObject({
  type: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  items: z.unknown().optional(),
  minimum: z.number().optional(),
  minItems: z.number().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
})

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })

/** Something that the schema allows, as far as that can be guessed. */
export function sampleOf(schema: unknown): unknown {
  const given = ToolSchema.safeParse(schema).data ?? {}
  if (given.enum !== undefined) return given.enum[0]
  if (given.const !== undefined) return given.const
  if (given.anyOf !== undefined) return sampleOf(given.anyOf[0])
  if (given.type === 'array') {
    return Array.from({ length: Math.max(1, given.minItems ?? 0) }, () => sampleOf(given.items))
  }
  if (given.type === 'object') {
    const { properties = {}, required = [] } = given
    return Object.fromEntries(required.map((key) => [key, sampleOf(properties[key])]))
  }
  if (given.type === 'boolean') return true
  if (given.type === 'integer' || given.type === 'number') return given.minimum ?? 1
  const validate = ajv.compile(z.record(z.string(), z.unknown()).parse(schema ?? {}))
  return SAMPLES.find((sample) => validate(sample)) ?? 'x'
}

const SAMPLES = [
  ...'1|1000|0.5|BTC|hello|123456789|2026-11-21T12:00:00Z|ETH|1h'.split('|'),
  `0x${'ab'.repeat(20)}`,
  `0x${'cd'.repeat(32)}`,
  'a'.repeat(64),
]
