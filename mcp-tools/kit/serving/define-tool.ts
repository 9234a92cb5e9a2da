import { canonicalHash, canonicalJson } from '@chimera/contracts/canonical'
import { ERROR_CODES, TerminalError, type ErrorCode } from '@chimera/contracts/errors'
import { ReceiptState } from '@chimera/contracts/grant'
import { z } from 'zod'

import type { Entry } from '../ledger/entry.ts'
import type { EffectPlan, EffectTool } from '../protocol/effect-tool.ts'
import type { Refusal } from '../provider/exchange.ts'
import { KEY_ARGUMENT, KEY_SCHEMA, type CallContext } from './call-context.ts'
import { plainText } from './outside-text.ts'

type JsonSchema = Record<string, unknown>

/** Hints for clients, which must not trust them. */
export type Annotations = Readonly<{
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}>

/** A tool exactly as `tools/list` shows it; its hash is what a grant is made for. */
export type ToolDefinition = Readonly<{
  name: string
  title: string
  description: string
  inputSchema: JsonSchema
  outputSchema: JsonSchema
  annotations: Annotations
}>

type Served = Readonly<{
  definition: ToolDefinition
  /** What the answer is held to before it leaves. */
  output: z.ZodType<Record<string, unknown>>
  scope: string
  /** Stands in every answer, refusals and failures too; its fields are in the output schema. */
  always?: Readonly<Record<string, string>>
}>
export type ServedEffectTool = Served &
  Readonly<{
    kind: 'effect'
    effect: EffectTool
    /**
     * What makes a call of an outside client without an idempotency key the same as another;
     * undefined where a key is required.
     */
    intentOf: ((args: unknown) => string | undefined) | undefined
  }>
export type ServedReadTool = Served &
  Readonly<{
    kind: 'read'
    /** Throws INPUT_INVALID for arguments that do not fit. */
    read: (args: unknown, reading?: Reading) => Promise<Record<string, unknown>>
  }>
/** What such a tool may use of the call beside its arguments. */
export type Reading = Readonly<
  Partial<Pick<CallContext, 'principal' | 'scopes' | 'idempotencyKey' | 'progress' | 'signal'>>
>

export type ServedTool = ServedEffectTool | ServedReadTool

/** What every answer may hold beside the tool's own fields. */
const envelope = {
  code: z.string().optional().describe('why it was not done: a code of the error table'),
  message: z.string().optional().describe('the same in a sentence'),
  retryable: z.boolean().optional().describe('whether trying again can help'),
  retry_after_ms: z.int().nonnegative().optional().describe('how long to wait before that'),
}

const EFFECT_STATUS = z
  .enum([...ReceiptState.options, 'NONE'])
  .describe('what became of it; UNKNOWN: it may have happened; NONE: nothing was recorded')
const READ_STATUS = z.enum(['OK', 'NONE'])

/**
 * A mutating tool. `plan` gets arguments that fit the schema and were hashed as they came, and does
 * no I/O; it answers a refusal for what can never be done. All schemas are strict.
 */
export function defineEffectTool<Input extends z.ZodRawShape, Output extends z.ZodRawShape>(tool: {
  name: string
  title: string
  description: string
  scope: string
  annotations: Annotations
  input: Input
  output: Output
  plan: (args: z.output<z.ZodObject<Input, z.core.$strict>>) => EffectDraft | Refusal
  describe: (entry: Entry) => Partial<z.output<z.ZodObject<Output>>>
  intentOf?: (args: z.output<z.ZodObject<Input, z.core.$strict>>) => string
}): ServedEffectTool {
  const input = z.strictObject(tool.input)
  const output = z.strictObject({
    status: EFFECT_STATUS,
    ...envelope,
    ...z.object(tool.output).partial().shape,
  })
  const definition = withKeyArgument(definitionOf({ ...tool, input, output }))
  const { intentOf } = tool
  return {
    kind: 'effect',
    definition,
    output,
    scope: tool.scope,
    effect: {
      name: tool.name,
      definitionHash: canonicalHash(definition),
      describe: tool.describe,
      plan: (args) => {
        const parsed = input.safeParse(args)
        if (!parsed.success) return { refusal: invalidInput(parsed.error) }
        // Arguments were resolved before they were hashed; a server that would still change them
        // would do something else than was granted (design.md section 6).
        const canonical = canonicalJson(parsed.data)
        if (canonical !== canonicalJson(args)) {
          return { refusal: { code: 'INPUT_INVALID', detail: 'The arguments are not resolved.' } }
        }
        const drafted = tool.plan(parsed.data)
        if ('code' in drafted) return { refusal: drafted }
        return { plan: { ...drafted, args: canonical } }
      },
    },
    intentOf:
      intentOf === undefined
        ? undefined
        : (args) => {
            const parsed = input.safeParse(args)
            return parsed.success ? intentOf(parsed.data) : undefined
          },
  }
}

/** A plan but for the arguments' canonical form, which the kit makes. */
export type EffectDraft = Omit<EffectPlan, 'args'>

/**
 * A tool that makes no effect of its own: it reads, or hands on a wish to whoever decides. It needs
 * neither grant nor ledger.
 */
export function defineReadTool<Input extends z.ZodRawShape>(tool: {
  name: string
  title: string
  description: string
  scope: string
  /** What is not so of most: that it asks somebody outside, or that it is no mere read. */
  hints?: Partial<Annotations>
  input: Input
  output: z.ZodRawShape
  read: (
    args: z.output<z.ZodObject<Input, z.core.$strict>>,
    reading: Reading,
  ) => Promise<Record<string, unknown>>
}): ServedReadTool {
  const input = z.strictObject(tool.input)
  const output = z.strictObject({
    status: READ_STATUS,
    ...envelope,
    ...z.object(tool.output).partial().shape,
  })
  const annotations = {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
    ...tool.hints,
  }
  return {
    kind: 'read',
    definition: definitionOf({ ...tool, annotations, input, output }),
    output,
    scope: tool.scope,
    read: async (args, reading = {}) => {
      // Throws for what is no text and no number, as a mutating call does.
      canonicalJson(args)
      const parsed = input.safeParse(args)
      if (parsed.success) return tool.read(parsed.data, reading)
      const { code, detail } = invalidInput(parsed.error)
      throw new TerminalError(code, detail)
    },
  }
}

function definitionOf(tool: {
  name: string
  title: string
  description: string
  annotations: Annotations
  input: z.ZodType
  output: z.ZodType
}): ToolDefinition {
  const { name, title, description, annotations } = tool
  return {
    name,
    title,
    description,
    inputSchema: z.toJSONSchema(tool.input, { io: 'input' }),
    outputSchema: z.toJSONSchema(tool.output, { io: 'output' }),
    annotations,
  }
}

/** Every mutating tool takes the key; it is no argument of the effect (`call-context.ts`). */
function withKeyArgument(definition: ToolDefinition): ToolDefinition {
  const { inputSchema } = definition
  const properties = z.record(z.string(), z.unknown()).parse(inputSchema['properties'] ?? {})
  return {
    ...definition,
    inputSchema: { ...inputSchema, properties: { ...properties, [KEY_ARGUMENT]: KEY_SCHEMA } },
  }
}

/** Names the fields; a list of all faults at once, so that a model can mend them in one go. */
export function invalidInput(error: z.ZodError): Refusal {
  const faults = error.issues
    .slice(0, MAX_FAULTS)
    .map(({ path, message }) => `${path.map(String).join('.') || 'arguments'}: ${message}`)
  // Names of fields are the caller's, too.
  return { code: 'INPUT_INVALID', detail: plainText(faults.join('; '), 1_000) }
}

const MAX_FAULTS = 16

/** Narrows a text of the ledger to the closed set of codes. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}
