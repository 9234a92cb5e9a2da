import type { Slot } from '@chimera/contracts/effect'
import { InvariantError } from '@chimera/contracts/errors'
import { SlotId } from '@chimera/contracts/ids'

/** A slot with parts to be named later: `reply:{mention_id}`, `order:{symbol}:{bar}`. */
const PATTERN = /^[a-z][a-z0-9_]{0,31}(:(\{[a-z][a-z0-9_]{0,31}\}|[A-Za-z0-9._-]{1,64})){0,3}$/
const PART = /^\{.*\}$/

/** True for `reply:{mention_id}`; false for a slot that is complete, and for what is neither. */
export function isSlotPattern(slot: string): boolean {
  return PATTERN.test(slot) && slot.includes('{')
}

/**
 * The slot of one effect: `slotId('pay', 2)` is `pay:2`. Throws InvariantError for parts that no
 * slot may hold; outside text is checked before it becomes a part.
 */
export function slotId(name: string, ...parts: readonly (string | number)[]): string {
  const parsed = SlotId.safeParse([name, ...parts].join(':'))
  if (!parsed.success)
    throw new InvariantError(`No slot can be named ${[name, ...parts].join(':')}.`)
  return parsed.data
}

/** Does a complete slot belong to this slot or pattern of a frozen plan? */
export function belongsToSlot(planned: string, slot: string): boolean {
  if (!SlotId.safeParse(slot).success) return false
  if (!isSlotPattern(planned)) return planned === slot
  const wanted = planned.split(':')
  const parts = slot.split(':')
  return (
    wanted.length === parts.length &&
    wanted.every((part, index) => PART.test(part) || part === parts[index])
  )
}

/**
 * The planned slot under which an effect may be proposed: itself, or a pattern whose limit is not
 * used up by `taken`, the distinct slots that the goal has effects in. A slot that is taken
 * already keeps its place: attempts, edits, retries and replans reuse it. Undefined means
 * SLOT_UNKNOWN.
 */
export function findSlot(
  planned: readonly Slot[],
  slot: string,
  taken: readonly string[],
): Slot | undefined {
  return planned.find((candidate) => {
    if (!belongsToSlot(candidate.slot, slot)) return false
    const others = new Set(
      taken.filter((one) => one !== slot && belongsToSlot(candidate.slot, one)),
    )
    return others.size < candidate.limit
  })
}
