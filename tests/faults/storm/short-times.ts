/** Times of a storm: what is waited out in production takes 15 minutes. */
export const LEASE_MS = 2_000
/** X is documented here to show a post within 3 s of the deadline of its send. */
export const ABSENCE_MS = 3_000
