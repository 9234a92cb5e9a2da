import type { PersonaFront } from '@chimera/contracts/judging/persona'

import { findTopics, type FoundTopic } from './find-topics.ts'

/** The persona that a goal, or the constraints of a task, name. */
export function namedVoice(goal: unknown): string | undefined {
  const voice = fieldOf(goal, 'voice_ref')
  return typeof voice === 'string' ? voice : undefined
}

/**
 * What a goal is about that its persona never writes about: such a goal is refused when it is
 * planned. Its words and parameters count, not its frame.
 */
export function forbiddenTopics(
  goal: unknown,
  { forbidden_topics: topics }: Pick<PersonaFront, 'forbidden_topics'>,
): FoundTopic[] {
  const params = fieldOf(goal, 'params')
  const values: unknown[] =
    typeof params === 'object' && params !== null ? Object.values(params) : []
  const words = [fieldOf(goal, 'text'), ...values.flat()].filter((one) => typeof one === 'string')
  return findTopics(words.join(' . '), topics)
}

function fieldOf(goal: unknown, name: string): unknown {
  if (typeof goal !== 'object' || goal === null) return undefined
  return new Map<string, unknown>(Object.entries(goal)).get(name)
}
