import { z } from 'zod'

import { Step } from './chat.ts'

const Fault = z.enum(['429', '503', 'hang', 'cut', 'bad_json'])
export type Fault = z.infer<typeof Fault>

/**
 * `POST /__control`: every part is optional. `none` takes all faults back. `match` is a part of the
 * request's text that a fault is for. `say` puts answers in a queue that comes before the model's
 * own mind.
 */
export const Control = z.strictObject({
  fault: z.enum(['none', ...Fault.options]).optional(),
  times: z.int().positive().max(1_000_000).default(1),
  match: z.string().max(500).optional(),
  retry_after_s: z.int().nonnegative().max(86_400).optional(),
  say: z.array(Step).max(1_000).optional(),
})
export type Control = z.infer<typeof Control>

export type PlannedFault = {
  readonly fault: Fault
  readonly match: string | undefined
  readonly retryAfterS: number | undefined
  left: number
}

/** Faults wait in the order in which they came. More at once is a mistake of the test. */
const MAX_FAULTS = 1_000

export type Faults = Readonly<{
  /** Throws RangeError when too many wait. */
  plan: (control: Control) => void
  /** The first fault for such a request; used up by one. */
  take: (text: string) => PlannedFault | undefined
  list: () => readonly PlannedFault[]
}>

export function openFaults(): Faults {
  const planned: PlannedFault[] = []
  return {
    plan: ({ fault, times, match, retry_after_s: retryAfterS }) => {
      if (fault === undefined) return
      if (fault === 'none') {
        planned.length = 0
        return
      }
      if (planned.length >= MAX_FAULTS) throw new RangeError(`More than ${MAX_FAULTS} faults wait.`)
      planned.push({ fault, match, retryAfterS, left: times })
    },
    take: (text) => {
      const at = planned.findIndex(({ match }) => match === undefined || text.includes(match))
      const found = planned[at]
      if (found === undefined) return undefined
      found.left -= 1
      if (found.left === 0) planned.splice(at, 1)
      return found
    },
    list: () => structuredClone(planned),
  }
}
