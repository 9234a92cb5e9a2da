/**
 * The kill switch (requirements B32, X14, X15 and table 4.4): its levels, and what each lets
 * through. One table for the Judge and for every tool server: both ask it, neither trusts the
 * other.
 */
import { z } from 'zod'

import { TOOLS, isToolName, type ToolName } from '../tools.ts'

/** Level 0 to 5 by name. */
export const KILL_LEVELS = [
  'SAFE',
  'CAUTION',
  'DEFENSIVE',
  'LOCKDOWN',
  'EMERGENCY',
  'SHUTDOWN',
] as const

export const KillLevel = z
  .int()
  .min(0)
  .max(KILL_LEVELS.length - 1)

/** The whole house, or one tenant of it. */
export const KillScope = z
  .string()
  .regex(
    /^(everything|tenant:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/,
    'is not everything or tenant:<id>',
  )

/** Scope -> kill epoch. A scope that is left out was never raised. */
export const KillEpochs = z.record(z.string().max(200), z.int().nonnegative())
export type KillEpochs = z.infer<typeof KillEpochs>

/** Epochs of one generation: one for each level. */
const STEPS = KILL_LEVELS.length

/**
 * One number says the level and how new it is. A generation has one epoch per level, so that a
 * raise is a higher epoch of the same generation; what the operator lowers begins the next one. So
 * of two epochs the higher is always the one to believe, and an older record, or a word that comes
 * late, can never lower anything.
 */
export const killLevelOf = (epoch: number): number => epoch % STEPS

/** The epoch of at least this level, in the generation of `epoch`. */
export const raisedTo = (epoch: number, level: number): number =>
  Math.max(epoch, epoch - killLevelOf(epoch) + level)

/** The epoch of this level in the next generation. */
export const loweredTo = (epoch: number, level: number): number =>
  epoch - killLevelOf(epoch) + STEPS + level

/**
 * What a call would do to what is at risk. `reduces` makes it smaller, or takes something back
 * that stands; `cancels` takes back an offer that nobody has accepted yet.
 */
export type Risk = 'opens' | 'reduces' | 'cancels'

type Mutating = {
  [Name in ToolName]: (typeof TOOLS)[Name]['mutating'] extends true ? Name : never
}[ToolName]

const RISKS: Readonly<Record<Mutating, Risk>> = {
  post_tweet: 'opens',
  reply_tweet: 'opens',
  delete_tweet: 'reduces',
  transfer_native: 'opens',
  transfer_erc20: 'opens',
  // A payment of nothing in the place of one that waits for its block.
  unstick_transfer: 'reduces',
  place_order: 'opens',
  close_position: 'reduces',
  cancel_order: 'cancels',
  cancel_all: 'cancels',
}

/** What this call would do; a tool that nobody has judged opens. */
export function riskOf(tool: string, args: unknown): Risk {
  if (tool === 'place_order' && isReduceOnly(args)) return 'reduces'
  return isMutating(tool) ? RISKS[tool] : 'opens'
}

const isMutating = (tool: string): tool is Mutating => Object.hasOwn(RISKS, tool)

const isReduceOnly = (args: unknown): boolean =>
  typeof args === 'object' && args !== null && 'reduce_only' in args && args.reduce_only === true

/** From here on no order opens a position; what else leaves the house goes on. */
const NO_POSITIONS = 2
/** From here on nothing opens anywhere: no tweet, no transfer, no order. */
const NOTHING_NEW = 3
/** From here on positions are to be closed. */
const CLOSE_ALL = 4
/** Nothing acts any more, exits included; an offer may still be taken back. */
const NOTHING = 5

/** Whether people and Planner are asked to close what is open. */
export const asksForCloses = (level: number): boolean => level >= CLOSE_ALL && level < NOTHING

/** Why a level does not let a call through; undefined when it does. */
export function killedBy(call: { level: number; tool: string; args: unknown }): string | undefined {
  const { level, tool } = call
  const risk = riskOf(tool, call.args)
  const isTrade = isToolName(tool) && TOOLS[tool].server === 'trading'
  const bound = { opens: isTrade ? NO_POSITIONS : NOTHING_NEW, reduces: NOTHING, cancels: STEPS }
  if (level < bound[risk]) return undefined
  const what = level >= NOTHING ? 'only cancels pass' : 'only what reduces or cancels passes'
  return `The kill level is ${level} (${KILL_LEVELS[level] ?? 'unknown'}): ${what}.`
}

/** CAUTION halves what an order may come to (X15). */
export const sizeDivisor = (level: number): bigint => (level >= 1 ? 2n : 1n)
