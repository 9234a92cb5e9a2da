/**
 * What happened, as those saw it who stand outside: the provider's own record, the goals that were
 * posted, and what the API says of them. Nothing here is imported from the product, schemas least
 * of all: a checker that shared them would share their mistakes.
 */
import { z } from 'zod'

/** One request, as the provider wrote it down before it answered. */
export const ProviderLine = z.looseObject({
  n: z.int(),
  method: z.string(),
  path: z.string(),
  body: z.unknown(),
  /** All but `refused` happened; of `cut` and `hung` the answer was lost. */
  outcome: z.enum(['accepted', 'refused', 'cut', 'hung']),
  status: z.int().nullish(),
  id: z.string().optional(),
})
export type ProviderLine = z.infer<typeof ProviderLine>

/** A goal as `goal show --json` and `GET /v1/goals/:id` show it. */
export const GoalSeen = z.looseObject({
  id: z.string(),
  status: z.string(),
  failure: z.looseObject({ code: z.string() }).nullish(),
  partial: z.array(z.string()).default([]),
  effects: z
    .array(
      z.looseObject({
        slot: z.string(),
        round: z.int(),
        state: z.string(),
        provider_ref: z.string().nullish(),
      }),
    )
    .default([]),
})
export type GoalSeen = z.infer<typeof GoalSeen>

/** A goal that somebody tried to post. */
export type Intent = Readonly<{
  goalId: string
  /** The words that X is to see once; none where the goal has no outside effect. */
  words?: string
  /** Whether the one who posted it was told that it was taken. */
  isAccepted: boolean
}>

export type History = Readonly<{
  intents: readonly Intent[]
  /** In the order in which the provider wrote them. */
  provider: readonly ProviderLine[]
  /** By id; what the API does not know is missing. */
  goals: ReadonlyMap<string, GoalSeen>
}>

/** Reads a provider's record. A last line without its end is being written and was not answered. */
export function parseProviderRecord(text: string): ProviderLine[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').filter((line) => line !== '')
  return lines.map((line) => ProviderLine.parse(JSON.parse(line)))
}
