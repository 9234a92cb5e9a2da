import type { Random } from '../../guarantee.ts'
import { TARGETS, type Target } from './process-table.ts'

/** One thing that goes wrong, so long after the start. */
export type StormFault = Readonly<{ atMs: number }> &
  (
    | Readonly<{ kind: 'kill'; target: string }>
    | Readonly<{ kind: 'stop'; target: string; forMs: number }>
    | Readonly<{ kind: 'x'; target: string; control: Readonly<Record<string, unknown>> }>
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
  /** Tool servers and Xs of further accounts, by name. */
  moreTools?: readonly string[]
  moreXs?: readonly string[]
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
  const { moreTools = [], moreXs = [] } = size
  const deck = deckOf(moreTools, moreXs)
  const xs = ['simulated-x', ...moreXs]
  const kills = deal(random, { deck, n: size.kills }).map((target): StormFault => ({
    atMs: at(),
    kind: 'kill',
    target,
  }))
  const stops = deal(random, { deck, n: size.stops }).map((target): StormFault => {
    const most = xs.includes(target) ? size.xBoundMs : 3 * size.leaseMs
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
    const target = xs[index % xs.length] ?? 'simulated-x'
    return { atMs: at(), kind: 'x', target, control }
  })
  return [...kills, ...stops, ...xFaults].toSorted((left, right) => left.atMs - right.atMs)
}

/** Each target as often as its weight. */
function deckOf(moreTools: readonly string[], moreXs: readonly string[]): string[] {
  const own = TARGETS.map((target) => ({ target, weight: WEIGHTS[target] }))
  const tools = moreTools.map((target) => ({ target, weight: WEIGHTS.tweet }))
  const xs = moreXs.map((target) => ({ target, weight: WEIGHTS['simulated-x'] }))
  return [...own, ...tools, ...xs].flatMap(({ target, weight }) =>
    Array<string>(weight).fill(target),
  )
}

/** `n` targets of the deck; every round of it has each of them. */
function deal(random: Random, { deck, n }: { deck: readonly string[]; n: number }): string[] {
  const dealt: string[] = []
  while (dealt.length < n) dealt.push(...random.shuffle(deck))
  return dealt.slice(0, n)
}
