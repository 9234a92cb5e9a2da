import { z } from 'zod'

/**
 * Where a proposed value came from (design.md section 6). A pointer is a claim: the Judge looks the
 * value up and compares canonical forms, so neither a model nor a Worker can give itself a label.
 */
export const Pointer = z.discriminatedUnion('source', [
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
  }),
  z.strictObject({ source: z.literal('default'), rule: z.string().max(64) }),
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
