import type { Random } from '../../guarantee.ts'
import { TARGETS, type Target } from './process-table.ts'

/** One thing that goes wrong, so long after the start. */
export type StormFault = Readonly<{ atMs: number }> &
  (
    | Readonly<{ kind: 'kill'; target: Target }>
    | Readonly<{ kind: 'stop'; target: Target; forMs: number }>
    | Readonly<{ kind: 'x'; control: Readonly<Record<string, unknown>> }>
  )

export type StormSize = Readonly<{
  kills: number
  stops: number
  /** Orders to X to misbehave; most are for several posts. */
  xFaults: number
  overMs: number
  leaseMs: number
  /** How long X may be stopped, and how late it may show a post: below its documented bound. */
  xBoundMs: number
}>

/** How often each is chosen: those on the path of an effect more often. */
const WEIGHTS: Readonly<Record<Target, number>> = {
  worker: 4,
  judge: 4,
  tweet: 5,
  planner: 2,
  keeper: 2,
  gateway: 2,
  redis: 2,
  postgres: 2,
  'simulated-x': 2,
  'redis-lifeline': 1,
  'postgres-lifeline': 1,
}

/** What X does, and how often each is chosen. Its duplicate check is off: a double has to show. */
const MISBEHAVIOURS: readonly string[] =
  'cut cut cut hang hang 5xx 5xx 5xx_after 5xx_after 429 reset_before timeout_before'.split(' ')

/** The same seed gives the same storm, in the order in which it comes. */
export function planStorm(random: Random, size: StormSize): StormFault[] {
  const at = (): number => random.integer(0, size.overMs)
  const kills = deal(random, size.kills).map((target): StormFault => ({
    atMs: at(),
    kind: 'kill',
    target,
  }))
  const stops = deal(random, size.stops).map((target): StormFault => {
    const most = target === 'simulated-x' ? size.xBoundMs : 3 * size.leaseMs
    const least = Math.min(size.leaseMs / 2, most)
    return { atMs: at(), kind: 'stop', target, forMs: random.integer(least, most) }
  })
  const xFaults = Array.from({ length: size.xFaults }, (_, index): StormFault => {
    // Each kind in turn, so that a short storm has all of them.
    const fault = MISBEHAVIOURS[index % MISBEHAVIOURS.length]
    const control = {
      fault,
      times: random.integer(1, 3),
      timeline_delay_ms: random.integer(0, size.xBoundMs),
      ...(fault === '429' ? { reset_in_ms: random.integer(100, 1_500) } : {}),
    }
    return { atMs: at(), kind: 'x', control }
  })
  return [...kills, ...stops, ...xFaults].toSorted((left, right) => left.atMs - right.atMs)
}

/** `n` targets by their weights; every round of the deck has each of them. */
function deal(random: Random, n: number): Target[] {
  const deck = TARGETS.flatMap((target) => Array<Target>(WEIGHTS[target]).fill(target))
  const dealt: Target[] = []
  while (dealt.length < n) dealt.push(...random.shuffle(deck))
  return dealt.slice(0, n)
}
