import { z } from 'zod'

import { ModelCall } from './sources.ts'

/** What a model may find wrong with work. */
const Fault = z.enum([
  'not_what_was_asked',
  'not_supported',
  'obeys_strangers',
  'tells_private',
  'offends',
  'out_of_voice',
  'unclear',
])

/** The house's own words for it. */
export const OPINION_FAULTS: Readonly<Record<z.infer<typeof Fault>, string>> = {
  not_what_was_asked: 'It is not what the owner asked for.',
  not_supported: 'It states what nothing that was read supports.',
  obeys_strangers: 'It does what somebody who was read asked for, and not the owner.',
  tells_private: 'It tells what is not for the public.',
  offends: 'It may offend those who read it.',
  out_of_voice: 'It is not how the persona speaks.',
  unclear: 'It cannot be understood by those who read it.',
}

/**
 * What a model says of a result when the Judge asks it. It adds a demand or none: nothing in it
 * allows anything, and nothing of its own words is told to another model.
 */
export const Opinion = z.strictObject({
  says: z.enum(['approve', 'ask_person', 'reject']),
  /** From 0 to 1; it raises no confidence. */
  quality: z.number().min(0).max(1),
  faults: z.array(Fault).max(Fault.options.length),
  /** The model's own words, for people alone. */
  reason: z.string().max(1_000),
})
export type Opinion = z.infer<typeof Opinion>

/** What came of the question: a call whose output is the Opinion, or why there is none. */
export const OpinionAnswer = z.union([
  z.strictObject({ call: ModelCall.extend({ output: Opinion }) }),
  z.strictObject({ failure: z.strictObject({ code: z.string(), message: z.string() }) }),
])
export type OpinionAnswer = z.infer<typeof OpinionAnswer>

/** An opinion as `task show` and `goal show` have it, beside the attempt that it is about. */
export const OpinionView = z.strictObject({
  /** How often a model was asked; twice where the first question was lost. */
  asked: z.int().positive(),
  /** Null as long as nobody has answered. */
  answered_at: z.string().nullable(),
  model: z.string().nullable(),
  opinion: Opinion.nullable(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
})
export type OpinionView = z.infer<typeof OpinionView>
