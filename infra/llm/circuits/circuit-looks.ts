import type { CircuitAt } from '../../database/circuits/circuit-row.ts'

/**
 * For how long a process goes by what it last saw of a circuit. A closed one costs no round trip
 * meanwhile; one that somebody else has opened holds here no later than this.
 */
export const SEEN_FOR_MS = 1_000
/** Seen longer ago than this it is looked at again beside the question, which does not wait. */
const AGAIN_AFTER_MS = SEEN_FOR_MS / 2

/** What a process has seen of circuits in the record. */
export type CircuitLooks = Readonly<{
  /**
   * The circuit as it was no more than SEEN_FOR_MS before this was asked, with the record's time
   * of now. Throws what the record throws when there has to be a look.
   */
  see: (id: string) => Promise<CircuitAt>
  /** It has just been written: what was seen before is no more, also by looks on their way. */
  forget: (id: string) => void
}>

type Look = Readonly<{
  /** Since when it holds, by the clock of this process: before it was sent. */
  sinceMs: number
  answer: Promise<CircuitAt>
}>
type Seen = Readonly<{ sinceMs: number; readAtMs: number; at: CircuitAt }>

/** Looks by `look`, once for all who ask at once. `now` is a clock that never goes back. */
export function openCircuitLooks(
  look: (id: string) => Promise<CircuitAt>,
  now: () => number = () => performance.now(),
): CircuitLooks {
  const seen = new Map<string, Seen>()
  const looking = new Map<string, Look>()

  const keep = async (id: string, one: Look): Promise<void> => {
    try {
      const at = await one.answer
      // Else it was overtaken, by a write or by a look that began later.
      if (looking.get(id) === one) seen.set(id, { sinceMs: one.sinceMs, readAtMs: now(), at })
    } catch {
      // Whoever waits for it is told; beside a question nothing is lost.
    } finally {
      if (looking.get(id) === one) looking.delete(id)
    }
  }
  const begin = (id: string): Look => {
    const one: Look = { sinceMs: now(), answer: look(id) }
    looking.set(id, one)
    void keep(id, one)
    return one
  }
  /** One that is on its way already, if what it brings is fresh enough. */
  const join = (id: string): Look => {
    const known = looking.get(id)
    return known !== undefined && now() - known.sinceMs < SEEN_FOR_MS ? known : begin(id)
  }

  return {
    see: async (id) => {
      const known = seen.get(id)
      const ageMs = known === undefined ? Infinity : now() - known.sinceMs
      if (known === undefined || ageMs >= SEEN_FOR_MS) return join(id).answer
      if (ageMs >= AGAIN_AFTER_MS) join(id)
      const { circuit, nowMs } = known.at
      return { circuit, nowMs: nowMs + (now() - known.readAtMs) }
    },
    forget: (id) => {
      seen.delete(id)
      looking.delete(id)
    },
  }
}
