import { z } from 'zod'

import { Step } from './chat.ts'

/**
 * `usage_limit`: a refusal of an account that has reached its limit; `error_event`: a stream that
 * begins with an error; `cut_late`: one that ends after some words.
 */
const Fault = z.enum([
  '401',
  '402',
  '429',
  '503',
  'usage_limit',
  'too_long',
  'filtered',
  'hang',
  'cut',
  'cut_late',
  'error_event',
  'bad_json',
])
export type Fault = z.infer<typeof Fault>

/**
 * `POST /__control`: every part is optional. `none` takes all faults back. `match` is a part of the
 * request's text that a fault is for, `model` the only one that it and what is said are for. `say`
 * puts answers in a queue that comes before the model's own mind.
 */
export const Control = z.strictObject({
  fault: z.enum(['none', ...Fault.options]).optional(),
  times: z.int().positive().max(1_000_000).default(1),
  match: z.string().max(500).optional(),
  model: z.string().max(200).optional(),
  retry_after_s: z.int().nonnegative().max(86_400).optional(),
  say: z.array(Step).max(1_000).optional(),
})
export type Control = z.infer<typeof Control>

export type PlannedFault = {
  readonly fault: Fault
  readonly match: string | undefined
  readonly model: string | undefined
  readonly retryAfterS: number | undefined
  left: number
}

/** Faults wait in the order in which they came. More at once is a mistake of the test. */
const MAX_FAULTS = 1_000

export type Faults = Readonly<{
  /** Throws RangeError when too many wait. */
  plan: (control: Control) => void
  /** The first fault for such a request; used up by one. */
  take: (of: { model: string; text: string }) => PlannedFault | undefined
  list: () => readonly PlannedFault[]
}>

export function openFaults(): Faults {
  const planned: PlannedFault[] = []
  return {
    plan: ({ fault, times, match, model, retry_after_s: retryAfterS }) => {
      if (fault === undefined) return
      if (fault === 'none') {
        planned.length = 0
        return
      }
      if (planned.length >= MAX_FAULTS) throw new RangeError(`More than ${MAX_FAULTS} faults wait.`)
      planned.push({ fault, match, model, retryAfterS, left: times })
    },
    take: ({ model, text }) => {
      const at = planned.findIndex(
        (each) =>
          (each.model === undefined || each.model === model) &&
          (each.match === undefined || text.includes(each.match)),
      )
      const found = planned[at]
      if (found === undefined) return undefined
      found.left -= 1
      if (found.left === 0) planned.splice(at, 1)
      return found
    },
    list: () => structuredClone(planned),
  }
}
