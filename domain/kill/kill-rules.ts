/**
 * When the kill level rises without a person (requirements B32 and the table of section 4.4). A
 * rule only ever raises; what was raised falls on the operator's word alone. Whoever knows an
 * input decides with it, and leaves out what nobody has measured.
 */

/** A part of a whole in integers of the same unit: no float decides of money. */
export type Share = Readonly<{ part: bigint; whole: bigint }>

/** What rules are asked about. The first seven need a portfolio and its books. */
export type KillInputs = Readonly<{
  /** Of the equity at 00:00 UTC. */
  dailyLoss?: Share
  /** What open positions may still lose, of the equity. */
  heat?: Share
  /** Of the equity at its highest. */
  drawdown?: Share
  /** How many of the conditions of a crisis hold. */
  crisisConditions?: number
  lossesInARow?: number
  /** Of one position that is closed, of the equity. */
  singleLoss?: Share
  /** What all stops together would cost, of the equity. */
  openRisk?: Share
  /** Cycles in which a producer of signals said nothing. */
  silentCycles?: number
  /** How much worse than expected an order was filled, of the price that was expected. */
  fillDeviation?: Share
}>

type KillRule = Readonly<{
  id: string
  level: 1 | 2 | 3 | 4
  /** What is compared: basis points of a share, or a count. */
  input: keyof KillInputs
  /** `from` counts itself, `above` does not. */
  bound: Readonly<{ from: number }> | Readonly<{ above: number }>
  says: string
  /** The agent whose doing it was rests until a person has looked. */
  pausesAgent?: true
}>

/** Level 5 is nowhere in it: nothing but a person shuts everything down. */
export const KILL_RULES: readonly KillRule[] = [
  {
    id: 'daily-loss',
    level: 1,
    input: 'dailyLoss',
    bound: { from: 300 },
    says: 'the loss of the day',
  },
  {
    id: 'open-risk',
    level: 1,
    input: 'openRisk',
    bound: { above: 500 },
    says: 'the open risk',
  },
  {
    id: 'silent-producer',
    level: 1,
    input: 'silentCycles',
    bound: { above: 2 },
    says: 'the cycles without a word of a producer',
  },
  {
    id: 'fill-off',
    level: 1,
    input: 'fillDeviation',
    bound: { above: 50 },
    says: 'what a fill was worse than expected',
    pausesAgent: true,
  },
  {
    id: 'heat',
    level: 2,
    input: 'heat',
    bound: { from: 600 },
    says: 'the heat of the portfolio',
  },
  {
    id: 'losses-in-a-row',
    level: 2,
    input: 'lossesInARow',
    bound: { from: 3 },
    says: 'the losses in a row',
  },
  {
    id: 'single-loss',
    level: 2,
    input: 'singleLoss',
    bound: { above: 200 },
    says: 'the loss of one position',
  },
  {
    id: 'crisis',
    level: 3,
    input: 'crisisConditions',
    bound: { from: 2 },
    says: 'the conditions of a crisis',
  },
  {
    id: 'drawdown',
    level: 4,
    input: 'drawdown',
    bound: { from: 3_000 },
    says: 'the drawdown',
  },
]

/** The level that rules ask for. */
export type KillDecision = Readonly<{
  level: number
  /** The rules that hold, the strictest first. */
  rules: readonly string[]
  /** For people, with the figures. */
  reason: string
  pausesAgent: boolean
}>

/** What the rules ask for: the highest level of those that hold; undefined when none does. */
export function decideKill(inputs: KillInputs): KillDecision | undefined {
  const holding = KILL_RULES.flatMap((rule) => {
    const value = inputs[rule.input]
    return value !== undefined && isBeyond(value, rule) ? [{ rule, value }] : []
  }).toSorted((a, b) => b.rule.level - a.rule.level)
  const [strictest] = holding
  if (strictest === undefined) return undefined
  return {
    level: strictest.rule.level,
    rules: holding.map(({ rule }) => rule.id),
    reason: holding.map(sentenceOf).join('; '),
    pausesAgent: holding.some(({ rule }) => rule.pausesAgent === true),
  }
}

const BPS = 10_000n

/** Exact, and beyond for every part of nothing: an equity of zero has no harmless loss. */
function isBeyond(value: Share | number, { bound }: KillRule): boolean {
  const limit = BigInt('from' in bound ? bound.from : bound.above)
  const isCount = typeof value === 'number'
  // A count that is no number is believed to be too high.
  if (isCount && !Number.isSafeInteger(value)) return true
  const left = isCount ? BigInt(value) : value.part * BPS
  const right = isCount ? limit : limit * value.whole
  return 'from' in bound ? left >= right : left > right
}

function sentenceOf({ rule, value }: { rule: KillRule; value: Share | number }): string {
  const { bound, says, id } = rule
  const isFrom = 'from' in bound
  const limit = isFrom ? bound.from : bound.above
  if (typeof value === 'number') {
    const many = isFrom ? `${limit} are` : `more than ${limit} are`
    return `${id}: ${says}: ${value}, where ${many} too many`
  }
  const most = `${isFrom ? '' : 'more than '}${percent(BigInt(limit))} %`
  const is =
    value.whole > 0n ? `${percent((value.part * BPS) / value.whole)} %` : 'a part of nothing'
  return `${id}: ${says} is ${is}, where ${most} is too much`
}

/** Basis points as percent: `0.5`, `3`, `12.34`. */
const percent = (bps: bigint): string => String(Number(bps) / 100)
