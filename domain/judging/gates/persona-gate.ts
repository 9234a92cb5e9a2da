import { DEFAULT_PERSONA_NAME } from '@chimera/contracts/judging/persona'
import type { Vote } from '@chimera/contracts/judging/verdict'

import { admitsMachine, asksForMachine, deniesMachine } from '../../persona/honesty.ts'
import { findTopics } from '../../topics/find-topics.ts'
import type { Attempt } from '../attempt.ts'
import type { Gate } from './gate.ts'
import { leavingTexts, refusal } from './text-votes.ts'

/** Values that are looked at within one reading: a page of mentions holds fewer. */
const MAX_VALUES = 20_000

/**
 * Holds texts against the persona of the task: what it never writes about, and that it never passes
 * for a human. Whoever is asked whether it is a machine has to say so (SRS NFR 2.1).
 */
export const personaGate: Gate = (input) => {
  const { attempt, effect, scene } = input
  const { front, name, version } = scene.persona
  const votes: Vote[] = []
  for (const { text, isOwners } of leavingTexts(input)) {
    for (const { topic, words } of findTopics(text, front.forbidden_topics)) {
      const reason = `${name} never writes about ${topic}: ${words.join(', ')}.`.slice(0, 900)
      votes.push({ gate: 'persona', vote: 'deny', code: 'TOPIC_FORBIDDEN', reason })
    }
    if (deniesMachine(text)) {
      const reason = 'The text says that a human speaks; it has to be true, or unsaid.'
      const vote = refusal(isOwners)
      votes.push({ gate: 'persona', vote, code: 'HONESTY_REQUIRED', reason })
    } else if (isAsked(attempt, effect.args['in_reply_to']) && !admitsMachine(text)) {
      const reason = 'The post asks whether a machine speaks; the reply has to say that one does.'
      const vote = refusal(isOwners)
      votes.push({ gate: 'persona', vote, code: 'HONESTY_REQUIRED', reason })
    }
    if (version === null && name !== DEFAULT_PERSONA_NAME) {
      const reason = `No persona is pinned as ${name}; the default one spoke.`
      votes.push({ gate: 'persona', vote: 'allow', code: 'PERSONA_MISSING', reason })
    }
  }
  return votes
}

/** Whether what is answered, as a tool read it in this attempt, asks for a machine. */
function isAsked({ outcome }: Attempt, answered: unknown): boolean {
  if (typeof answered !== 'string' || outcome.outcome !== 'result') return false
  const open: unknown[] = (outcome.result.readings ?? []).map(({ value }) => value)
  for (let seen = 0; open.length > 0 && seen < MAX_VALUES; seen += 1) {
    const at = open.pop()
    if (typeof at !== 'object' || at === null) continue
    const fields = new Map<string, unknown>(Object.entries(at))
    const text = fields.get('text')
    if (fields.get('id') === answered && typeof text === 'string' && asksForMachine(text)) {
      return true
    }
    open.push(...fields.values())
  }
  return false
}
