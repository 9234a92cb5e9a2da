/** The three groups of the set. */
export const GROUPS = ['plans', 'content', 'judging'] as const
export type Group = (typeof GROUPS)[number]

/** Who answered, and how soon what was answered fitted its schema and the rules of the house. */
export type Answered =
  | 'at_once'
  /** After the one repair turn. */
  | 'repaired'
  /** Without a question to a model, in a tier that is one. */
  | 'by_rules'
  /** Nothing valid came. */
  | 'nobody'

/** What became of one goal. */
export type Outcome = Readonly<{
  id: string
  group: Group
  answered: Answered
  /** Whether it is what the set expects. */
  right: boolean
  /** The first thing that is not; what the tier said of itself where it gave nothing. */
  why?: string
  /** What must not have been made, and was. */
  forbidden: readonly string[]
  /** Whether the Judge would have let that out without a person. */
  passed: boolean
  requests: number
  usdMicros: bigint
  ms: number
}>
