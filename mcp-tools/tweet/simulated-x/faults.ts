import { SimulatedControl } from '@chimera/contracts/observable'
import { z } from 'zod'

/**
 * What a fault does. `cut`, `hang` and `5xx_after` lose the answer of a request that was accepted;
 * the others end a request that was not.
 */
const FaultBefore = z.enum(['5xx', '429', '403_duplicate', 'reset_before', 'timeout_before'])
const FaultAfter = z.enum(['cut', 'hang', '5xx_after'])
const Fault = z.enum([...FaultBefore.options, ...FaultAfter.options])
export type FaultBefore = z.infer<typeof FaultBefore>
export type FaultAfter = z.infer<typeof FaultAfter>

/** What a fault is put on: a request that changes something, or one that reads. */
const Target = z.enum(['post', 'delete', 'upload', 'timeline', 'lookup', 'mentions'])

/**
 * `POST /__control`: the contract, and what only this process knows. Every part is optional and
 * leaves the rest as it is; `fault: 'none'` takes all faults back. `match` is a part of what the
 * request is about, or a regular expression when it stands between slashes: of a post its text, of
 * a deletion and a look-up the id, of an upload the SHA-256 of the image. `on` names other requests
 * than posts. Mentions are forgotten with the process, as faults are.
 */
export const Control = SimulatedControl.extend({
  fault: z.enum(['none', ...Fault.options]).optional(),
  on: Target.optional(),
  /** How far off the reset of a `429` is; X's own windows are 15 minutes. */
  reset_in_ms: z.int().nonnegative().max(86_400_000).optional(),
  /** Posts per account in 15 minutes before X's own 429. */
  post_limit: z.int().positive().max(1_000_000).optional(),
  /** Somebody names the accounts here: what `GET /2/users/:id/mentions` shows from now on. */
  mention: z
    .strictObject({
      text: z.string().min(1).max(4_000),
      author: z
        .string()
        .regex(/^\w{1,15}$/)
        .default('somebody'),
      in_reply_to: z
        .string()
        .regex(/^[0-9]{1,19}$/)
        .optional(),
    })
    .optional(),
})
export type Control = z.infer<typeof Control>

/** Faults wait in the order in which they came. More than this at once is a mistake. */
const MAX_FAULTS = 1_000

type PlannedFault = {
  readonly fault: z.infer<typeof Fault>
  readonly on: z.infer<typeof Target>
  readonly match: string | undefined
  readonly reset_in_ms: number
  left: number
}

/** One request: `text` is what `match` looks at. */
export type FaultTarget = { readonly on: z.infer<typeof Target>; readonly text: string }

const WINDOW_MS = 900_000

export type Faults = {
  /** Throws SyntaxError when `match` is no regular expression, RangeError when too many wait. */
  readonly plan: (control: Control) => void
  /** The first fault that ends such a request before it is looked at; used up by one. */
  readonly takeBefore: (
    target: FaultTarget,
  ) => { fault: FaultBefore; resetInMs: number } | undefined
  /** The first fault that loses the answer of such a request; asked only for an accepted one. */
  readonly takeAfter: (target: FaultTarget) => FaultAfter | undefined
  readonly list: () => readonly Readonly<PlannedFault>[]
}

export function openFaults(): Faults {
  const planned: PlannedFault[] = []

  const plan = (control: Control): void => {
    const { fault, on = 'post', match, times = 1, reset_in_ms = WINDOW_MS } = control
    if (fault === undefined) return
    if (fault === 'none') {
      planned.length = 0
      return
    }
    if (match !== undefined) matches(match, '')
    if (planned.length >= MAX_FAULTS) throw new RangeError(`More than ${MAX_FAULTS} faults wait.`)
    planned.push({ fault, on, match, reset_in_ms, left: times })
  }

  const take = <F>(kinds: z.ZodType<F>, { on, text }: FaultTarget) => {
    for (const [index, each] of planned.entries()) {
      const kind = kinds.safeParse(each.fault)
      if (!kind.success || each.on !== on) continue
      if (each.match !== undefined && !matches(each.match, text)) continue
      each.left -= 1
      if (each.left === 0) planned.splice(index, 1)
      return { fault: kind.data, resetInMs: each.reset_in_ms }
    }
    return undefined
  }

  return {
    plan,
    takeBefore: (target) => take(FaultBefore, target),
    takeAfter: (target) => take(FaultAfter, target)?.fault,
    list: () => structuredClone(planned),
  }
}

function matches(match: string, text: string): boolean {
  const expression = /^\/(.+)\/$/su.exec(match)?.[1]
  return expression === undefined ? text.includes(match) : new RegExp(expression, 'u').test(text)
}
