import { canonicalHash } from '@chimera/contracts/canonical'

/**
 * The id of a planned task: the same plan of the same goal gives the same ids, on any machine. A
 * UUID of version 8 (RFC 9562 section 5.8, custom) from the first 122 usable bits of a SHA-256.
 */
export function taskId(of: {
  readonly tenant: string
  readonly goalId: string
  /** Planner and version: `rules@1`. Another version may plan another task under the same index. */
  readonly planner: string
  readonly index: number
}): string {
  const hex = canonicalHash({ v: 1, ...of })
  // The two high bits of the variant are 10: 8, 9, a or b.
  const variant = (8 + (Number.parseInt(hex.slice(16, 17), 16) % 4)).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
