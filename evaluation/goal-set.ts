import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { TerminalError } from '@chimera/contracts/errors'
import { parse } from 'yaml'
import { z } from 'zod'

import { Wanted } from './grading/wanted.ts'

/** Longer words are no words of a goal of this set. */
const Words = z.string().min(1).max(2_000)
/** What must stand nowhere in what a tier makes; compared without regard to case. */
const Forbidden = z.array(Words).max(16).default([])
const Parameters = z.record(z.string(), Wanted)

const Frame = {
  /** Unique in the set; the first letter is its group's. */
  id: z.string().regex(/^[pcj]-\d\d-[a-z0-9-]{1,48}$/),
  /** The owner's words, or a stranger's. */
  goal: Words,
}

/** A task as it may be planned: the rules and models have kinds of their own for some work. */
const WantedTask = z.strictObject({
  kind: z.string(),
  /** Payload fields. */
  with: Parameters.default({}),
  /** Places in the list of tasks that it has to wait for. */
  after: z.array(z.int().nonnegative()).default([]),
})
export type WantedTask = z.infer<typeof WantedTask>

export const PlanCase = z.strictObject({
  ...Frame,
  right: z.strictObject({
    /** Slot -> tool: exactly these. */
    slots: z.record(z.string(), z.string()).default({}),
    /** For each task its possible forms; exactly these tasks, in any order. */
    tasks: z.array(z.array(WantedTask).min(1)).min(1),
  }),
  forbidden: Forbidden,
})
export type PlanCase = z.infer<typeof PlanCase>

/** What the Judge says of a proposal, in the words of the set. */
export const Answer = z.enum(['allow', 'deny', 'person', 'again', 'wait'])
export type Answer = z.infer<typeof Answer>

const Row = z.strictObject({
  kind: z.enum(['address', 'asset', 'cashtag', 'domain', 'email', 'handle', 'url']),
  name: z.string(),
  version: z.int().positive().default(1),
  value: z.unknown(),
})
export type Row = z.infer<typeof Row>

export const ContentCase = z.strictObject({
  ...Frame,
  trust: z.enum(['owner', 'untrusted']).default('owner'),
  /** The one task of the frozen plan, so that a plan that went wrong is counted only once. */
  task: z.strictObject({
    kind: z.enum(['tweet.post', 'tweet.reply', 'agent.research', 'agent.write', 'agent.engage']),
    quotes: z.record(z.string(), Words),
  }),
  /** What read tools answer, by tool. Strangers write here. */
  world: z.record(z.string(), z.unknown()).default({}),
  /** What the record holds. */
  record: z.array(Words).default([]),
  registry: z.array(Row).default([]),
  right: z.strictObject({
    /** Slot -> its tool and what its arguments have to be; exactly these effects. */
    effects: z
      .record(z.string(), z.strictObject({ tool: z.string(), args: Parameters.default({}) }))
      .default({}),
    /** The artifact of a task that publishes nothing. */
    answer: Wanted.optional(),
    /** What the Judge may say of it. */
    judge: z.array(Answer).min(1),
  }),
  forbidden: Forbidden,
})
export type ContentCase = z.infer<typeof ContentCase>

/** A pointer as the contracts have it, or the words of the goal that it points at. */
const Origin = z.union([z.strictObject({ words: Words }), z.looseObject({ source: z.string() })])

export const JudgingCase = z.strictObject({
  ...Frame,
  trust: z.enum(['owner', 'untrusted']).default('owner'),
  mode: z.enum(['dry', 'paper', 'live']).default('paper'),
  citations: z.boolean().default(false),
  killLevel: z.int().min(0).max(5).default(0),
  confidence: z.number().min(0).max(1).default(1),
  /** Slot -> tool of the frozen plan. */
  slots: z.record(z.string(), z.string()).default({}),
  registry: z.array(Row).default([]),
  readings: z
    .array(z.strictObject({ id: z.string(), tool: z.string(), value: z.unknown() }))
    .default([]),
  /** What a model had said, with what stood in its prompt. */
  calls: z
    .array(
      z.strictObject({ id: z.string(), sources: z.array(Origin).default([]), output: z.unknown() }),
    )
    .default([]),
  /** The account has said the same of late. */
  isRepeat: z.boolean().default(false),
  effects: z
    .array(
      z.strictObject({
        slot: z.string(),
        tool: z.string(),
        args: z.record(z.string(), z.unknown()),
        from: z.record(z.string(), Origin),
      }),
    )
    .default([]),
  right: z.strictObject({
    judge: z.union([Answer, z.array(Answer).min(1)]),
    /**
     * The freest answer that does no harm; the right one when nothing is said. Where it is freer no
     * rule can know better, and it takes a model's opinion.
     */
    least: Answer.optional(),
    /** The code of a vote that has to be among them. */
    code: z.string().optional(),
  }),
})
export type JudgingCase = z.infer<typeof JudgingCase>

/** The goals of one group: plans, content or judging. */
const PER_GROUP = 20

/** The set: sixty goals of our own. */
export type GoalSet = Readonly<{
  plans: readonly PlanCase[]
  content: readonly ContentCase[]
  judging: readonly JudgingCase[]
  /** Names the set in a scorecard: scores of two sets are not compared. */
  hash: string
}>

/**
 * Reads the set that stands beside this file. Throws INPUT_INVALID that names the file and the
 * place of what does not fit.
 */
export function loadGoalSet(folder: string = join(import.meta.dirname, 'goals')): GoalSet {
  const groups = {
    plans: readGroup(folder, 'plans', PlanCase),
    content: readGroup(folder, 'content', ContentCase),
    judging: readGroup(folder, 'judging', JudgingCase),
  }
  const ids = Object.values(groups).flatMap((cases) => cases.map(({ id }) => id))
  const twice = ids.find((id, at) => ids.indexOf(id) !== at)
  if (twice !== undefined) throw invalid(`Two goals of the set are called ${twice}.`)
  return { ...groups, hash: canonicalHash(JSON.parse(JSON.stringify(groups))) }
}

function readGroup<T>(folder: string, name: string, schema: z.ZodType<T>): T[] {
  const path = join(folder, `${name}.yaml`)
  const parsed = z.array(schema).length(PER_GROUP).safeParse(read(path))
  if (parsed.success) return parsed.data
  throw invalid(`${path} is no group of goals: ${z.prettifyError(parsed.error)}`)
}

function read(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'), { maxAliasCount: 0 })
  } catch (cause) {
    throw invalid(`${path} cannot be read.`, cause)
  }
}

const invalid = (message: string, cause?: unknown): TerminalError =>
  new TerminalError('INPUT_INVALID', message, cause === undefined ? {} : { cause })
