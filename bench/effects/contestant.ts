/** Who takes part: one at a time does a round, in which it is killed after the effect. */
export type Contestant = AsyncDisposable &
  Readonly<{
    id: string
    name: string
    version: string
    recovery: string
    recoversByItself: boolean
    /** One intent from its start to the end of its job, with the kill in between. */
    round: (intent: string) => Promise<Outcome>
  }>

/** What became of one intent. */
export type Outcome = {
  intent: string
  /** By the provider's own record. */
  effects: number
  kills: number
  /** From the death to the end of the job; null when it did not end in time. */
  recovered_ms: number | null
  /** What went wrong with the measurement itself, if anything did. */
  fault?: string
}

/** BullMQ gives a stalled job back after 30 to 60 s. */
export const ROUND_WITHIN_MS = 120_000
