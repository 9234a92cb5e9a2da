import { z } from 'zod'

/** Guards that a composition of the tests leaves out. */
export const Without = z.enum([
  'nothing',
  /** Each process counts what it spends for itself. */
  'record_of_budget',
  'circuit',
  /** Looks at the circuit, and then writes. */
  'lock',
  /** What was seen of a circuit holds for ever. */
  'end_of_seen',
])
export type Without = z.infer<typeof Without>

export const Settings = z.strictObject({
  databaseUrl: z.string(),
  cascadeFile: z.string(),
  goalId: z.string(),
  without: Without,
})
export type Settings = z.infer<typeof Settings>

/** A line of standard input; each is answered by one of standard output. */
export const Order = z.discriminatedUnion('do', [
  /** `workers` at once ask `times` each, with so long a prompt. */
  z.strictObject({
    do: z.literal('ask'),
    workers: z.int().positive(),
    times: z.int().positive(),
    characters: z.int().nonnegative(),
  }),
  /** Asks to be let through to the first tier until it is not, or until so much time is over. */
  z.strictObject({ do: z.literal('watch'), forMs: z.int().positive() }),
])
export type Order = z.infer<typeof Order>

export const Answer = z.strictObject({
  /** Of `ask`: what became of the questions, `answered` or a code. */
  codes: z.record(z.string(), z.int()),
  /** Of `watch`: when it last asked and was let through, in milliseconds of the epoch. */
  admittedAt: z.number().nullable(),
  refused: z.string().nullable(),
})
export type Answer = z.infer<typeof Answer>
