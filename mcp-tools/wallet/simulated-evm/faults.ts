import { SimulatedControl } from '@chimera/contracts/observable'
import { z } from 'zod'

/** `cut`, `hang` and `5xx_after` lose the answer to a broadcast that was taken. */
const FaultBefore = z.enum(['5xx', '429', '403_duplicate', 'reset_before'])
const FaultAfter = z.enum(['cut', 'hang', '5xx_after'])
export type FaultBefore = z.infer<typeof FaultBefore>
export type FaultAfter = z.infer<typeof FaultAfter>

const Wei = z.string().regex(/^[0-9]{1,30}$/)

/**
 * `POST /__control`: the contract, and what only a chain has. Every part is optional and leaves the
 * rest as it is; `fault: 'none'` takes all faults back. `match` is a part of the transaction as
 * JSON (hash, nonce, to, value, data). `timeline_delay_ms`: a node that does not show what it took
 * so recently.
 */
export const Control = SimulatedControl.extend({
  fault: z.enum(['none', ...FaultBefore.options, ...FaultAfter.options]).optional(),
  /** False: broadcasts wait until `mine`. */
  automine: z.boolean().optional(),
  /** Blocks to make now. */
  mine: z.int().positive().max(10_000).optional(),
  /** Of the next block. */
  base_fee_wei: Wei.optional(),
  /** Forgets everything that waits for a block, as a node may. */
  drop_waiting: z.literal(true).optional(),
  /** What the feed says of ETH, and as of when; without `at_s` it is always fresh. */
  price: z
    .strictObject({ usd_e8: z.string().regex(/^-?[0-9]{1,30}$/), at_s: z.int().optional() })
    .optional(),
})
export type Control = z.infer<typeof Control>

/** More than this at once is a mistake. */
const MAX_FAULTS = 1_000

type Planned = { fault: NonNullable<Control['fault']>; match: string | undefined; left: number }

export type Faults = Readonly<{
  /** Throws RangeError when too many wait. */
  plan: (control: Control) => void
  /** The first that ends such a broadcast before it is looked at; used up by one. */
  takeBefore: (text: string) => FaultBefore | undefined
  /** The first that loses the answer to one that was taken. */
  takeAfter: (text: string) => FaultAfter | undefined
  list: () => readonly Readonly<Planned>[]
}>

export function openFaults(): Faults {
  const planned: Planned[] = []
  const take = <F>(kinds: z.ZodType<F>, text: string): F | undefined => {
    for (const [index, each] of planned.entries()) {
      const kind = kinds.safeParse(each.fault)
      if (!kind.success || !(each.match === undefined || text.includes(each.match))) continue
      each.left -= 1
      if (each.left === 0) planned.splice(index, 1)
      return kind.data
    }
    return undefined
  }
  return {
    plan: ({ fault, match, times = 1 }) => {
      if (fault === undefined) return
      if (fault === 'none') {
        planned.length = 0
        return
      }
      if (planned.length >= MAX_FAULTS) throw new RangeError(`More than ${MAX_FAULTS} faults.`)
      planned.push({ fault, match, left: times })
    },
    takeBefore: (text) => take(FaultBefore, text),
    takeAfter: (text) => take(FaultAfter, text),
    list: () => structuredClone(planned),
  }
}
