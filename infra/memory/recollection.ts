import { ChimeraError, RetryableError } from '@chimera/contracts/errors'
import type { Recalled } from '@chimera/contracts/judging/memory'
import type { Logger } from '@chimera/runtime/log'

import { GOAL_PREFIX } from '../database/memories/memory-labels.ts'
import { readLastHour, type RecentGoal } from '../database/memories/read-last-hour.ts'
import type { Sql } from '../database/open-database.ts'
import type { PromptPart } from '../llm/model.ts'
import type { MemoryStore } from './memory-store.ts'

/** What somebody wants to remember something for. */
export type Occasion = Readonly<{
  tenantId: string
  agentId: string
  /** It is left out of what happened of late. */
  goalId: string
  question: string
  /** Leaves out what strangers wrote, or may have: always where slots are named. */
  onlyTrusted: boolean
}>

/** Answers the parts of a prompt that say what an agent remembers; none where nothing answers. */
export type Recollection = (of: Occasion) => Promise<PromptPart[]>

/** SRS FR 1.1: the last hour and the five memories that fit best. */
const MOST_MEMORIES = 5
const MOST_GOALS = 10
/** 2,000 tokens of four letters (ADR-019). */
const MAX_CHARACTERS = 8_000
/** The last hour takes no more of it than this. */
const MAX_HOUR_CHARACTERS = 2_000
/** A model takes longer: nobody waits for a memory that is slow, and it is asked again later. */
const PAUSE_MS = 10_000

/**
 * Recalls for prompts: the owner's goals of the last hour from the record, and what fits best from
 * the memory, within a budget of letters. With the memory away or slow it answers what it has, and
 * leaves the memory alone for a while, so that no task waits for it twice.
 */
export function openRecollection(of: {
  store: Pick<MemoryStore, 'recall'>
  sqlOf: (tenantId: string) => Sql
  log: Logger
  withinMs: number
  now?: () => number
}): Recollection {
  const { store, sqlOf, log, withinMs, now = () => performance.now() } = of
  let notBefore = -Infinity
  const recall = async ({ question, ...occasion }: Occasion): Promise<Recalled[]> => {
    if (now() < notBefore) return []
    try {
      const asked = store.recall({ ...occasion, question, limit: MOST_MEMORIES })
      return await within(asked, withinMs)
    } catch (error) {
      if (!(error instanceof ChimeraError) || error.kind === 'invariant') throw error
      log.warn({ err: error, agent: occasion.agentId }, 'nothing is recalled for a while')
      notBefore = now() + PAUSE_MS
      return []
    }
  }
  return async (occasion) => {
    const { tenantId, question } = occasion
    const recent = await readLastHour(sqlOf(tenantId), { ...occasion, limit: MOST_GOALS })
    const memories = question.trim() === '' ? [] : await recall(occasion)
    const room = { left: MAX_CHARACTERS }
    const hour = recent
      .map(partOfGoal)
      .filter((part) => fits(part, room, MAX_CHARACTERS - MAX_HOUR_CHARACTERS))
    return [...hour, ...memories.map(partOfMemory).filter((part) => fits(part, room, 0))]
  }
}

const partOfGoal = ({ id, text, status }: RecentGoal): PromptPart => ({
  title: 'What you were asked in the last hour',
  pointer: { source: 'memory', id: `${GOAL_PREFIX}${id}`.slice(0, 128) },
  value: { text, status },
})

const partOfMemory = ({ id, content, timestamp }: Recalled): PromptPart => ({
  title: 'What you remember',
  pointer: { source: 'memory', id },
  value: { content, at: timestamp },
})

/** Takes the room of a part that fits; what is too long is left out, not cut. */
function fits(part: PromptPart, room: { left: number }, reserved: number): boolean {
  const length = JSON.stringify(part.value).length
  if (room.left - length < reserved) return false
  room.left -= length
  return true
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = (): void =>
    reject(new RetryableError('UNAVAILABLE', `The memory did not answer within ${ms} ms.`))
  const timer = setTimeout(late, ms)
  // Whoever waited has gone on: what it ends with is nobody's any more.
  work.catch(() => undefined)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
