import { z } from 'zod'

/**
 * Where a proposed value came from (design.md section 6). A pointer is a claim: the Judge looks the
 * value up and compares canonical forms, so neither a model nor a Worker can give itself a label.
 */
const SOURCES = [
  z.strictObject({
    source: z.literal('goal'),
    /** JSON pointer into the goal: `/text` or `/params/text`. */
    path: z.string().max(200),
    /** UTF-16 span of the text at `path`; the whole value when absent. */
    span: z.tuple([z.int().nonnegative(), z.int().nonnegative()]).optional(),
  }),
  z.strictObject({
    source: z.literal('registry'),
    table: z.string().max(64),
    id: z.string().max(128),
    version: z.string().max(64),
    /** JSON pointer into the value of the row; the whole value when absent. */
    path: z.string().max(200).optional(),
  }),
  z.strictObject({ source: z.literal('default'), rule: z.string().max(64) }),
  /** What a person wrote into the arguments of this approval instead. */
  z.strictObject({
    source: z.literal('person'),
    approval: z.uuid(),
    /** JSON pointer into the arguments as they were edited. */
    path: z.string().max(200),
  }),
  z.strictObject({
    source: z.literal('tool'),
    tool: z.string().max(64),
    result_id: z.string().max(128),
    path: z.string().max(200),
  }),
  z.strictObject({ source: z.literal('memory'), id: z.string().max(128) }),
  z.strictObject({
    source: z.literal('model'),
    call_id: z.string().max(128),
    /** JSON pointer into what the model said; the whole of it when absent. */
    path: z.string().max(200).optional(),
  }),
] as const

/** How a value is made of others. The Judge makes it again and compares. */
export const DerivationRule = z.enum([
  /** An amount in words (`5`, `5 USDC`) and the row of its asset: the amount in base units. */
  'base-units',
  /** A name in words and the row of that name: the value of the row. */
  'look-up',
  /** A text: the same in the one form in which it is posted. */
  'canonical-text',
])
export type DerivationRule = z.infer<typeof DerivationRule>

export const Pointer = z.discriminatedUnion('source', [
  ...SOURCES,
  z.strictObject({
    source: z.literal('derived'),
    rule: DerivationRule,
    from: z.array(z.discriminatedUnion('source', SOURCES)).min(1).max(4),
  }),
])
export type Pointer = z.infer<typeof Pointer>

/** Labels from best to worst; a mixture takes the worst. */
export const Label = z.enum(['owner', 'registry', 'derived', 'untrusted'])
export type Label = z.infer<typeof Label>

/** What a `default` pointer may stand for: rule -> the one value it gives. Never anything else. */
export const DEFAULT_RULES: Readonly<Record<string, unknown>> = {
  'no-media': [],
  'ai-labeled': true,
}
