import { canonicalHash } from '@chimera/contracts/canonical'

/** What the first 48 bits of an id can say: until the year 10889. */
const LAST_MS = 2 ** 48 - 1

/**
 * The id of a planned task: the same plan of the same goal gives the same ids, on any machine. A
 * UUID of version 8 (RFC 9562 section 5.8, custom), laid out as version 7 is: 48 bits say when the
 * goal arrived, in milliseconds, and 74 bits are of a SHA-256 of what the task is of. So rows that
 * come together lie together in every index of their ids; ids that are nothing but hash touched a
 * page of its own for each row, more of them the more tasks there had ever been. Any moment does,
 * a wrong one as well: which task it is, the hash says.
 */
export function taskId(of: {
  readonly tenant: string
  readonly goalId: string
  /** When the goal arrived, in milliseconds of the epoch; cut to what 48 bits hold. */
  readonly receivedMs: number
  /** Planner and version: `rules@1`. Another version may plan another task under the same index. */
  readonly planner: string
  readonly index: number
}): string {
  const { receivedMs, ...task } = of
  const ms = Math.trunc(Math.min(Math.max(receivedMs, 0), LAST_MS))
  const moment = ms.toString(16).padStart(12, '0')
  const hex = canonicalHash({ v: 2, ...task })
  // The two high bits of the variant are 10: 8, 9, a or b.
  const variant = (8 + (Number.parseInt(hex.slice(3, 4), 16) % 4)).toString(16)
  return [
    moment.slice(0, 8),
    moment.slice(8, 12),
    `8${hex.slice(0, 3)}`,
    `${variant}${hex.slice(4, 7)}`,
    hex.slice(7, 19),
  ].join('-')
}
