import type { Vote } from '@chimera/contracts/judging/verdict'

import { findTopics } from '../../topics/find-topics.ts'
import { ALWAYS_SENSITIVE, TOPIC_WORDS_VERSION } from '../../topics/topic-words.ts'
import type { Attempt } from '../attempt.ts'
import { canonicalUrl } from '../text/canonical-destination.ts'
import { namedDestinations } from '../text/destinations.ts'
import { faultOfText } from '../text/weigh-text.ts'
import type { Gate } from './gate.ts'
import { leavingTexts, type LeavingText, refusal } from './text-votes.ts'

/** For so many days an account does not say the same again without a person. */
export const REPEAT_DAYS = 7

/** Holds what is to be posted against the rules of its provider and of the house. */
export const contentGate: Gate = (input) => {
  const { attempt, effect, account, scene } = input
  const texts = leavingTexts(input)
  if (texts.length === 0) return []
  const votes: Vote[] = []
  if (effect.args['is_ai_labeled'] === false) {
    const reason = 'What the swarm posts is labelled as made by an AI.'
    votes.push({ gate: 'content', vote: 'deny', code: 'AI_LABEL_REQUIRED', reason })
  }
  const isRepeat = scene.isRepeat(effect.slot, account.account)
  if (isRepeat) {
    const reason = `${account.account} said the same not long ago.`
    votes.push({ gate: 'content', vote: 'needs_person', code: 'DUPLICATE', reason })
  }
  for (const text of texts) votes.push(...votesOn(text, attempt, scene.persona.front))
  return votes
}

function votesOn(
  { text, isOwners }: LeavingText,
  attempt: Attempt,
  persona: { readonly sensitive_topics: readonly string[] },
): Vote[] {
  const votes: Vote[] = []
  const fault = faultOfText(text)
  if (fault !== undefined) {
    const { code, reason } = fault
    votes.push({ gate: 'content', vote: refusal(isOwners), code, reason })
  }
  // X48: what is published about trading goes to a person; what is traded has gates of its own.
  const named = namedDestinations(text).filter(({ kind }) => kind === 'cashtag')
  const topics = findTopics(text, [...ALWAYS_SENSITIVE, ...persona.sensitive_topics])
  const about = [
    ...topics.map(({ topic, words }) => `${topic} (${words.slice(0, 5).join(', ')})`),
    ...(named.length > 0 ? ['finance ($)'] : []),
  ]
  if (about.length > 0) {
    const reason = `The text is about ${about.join(', ')}, by ${TOPIC_WORDS_VERSION}.`.slice(0, 900)
    votes.push({ gate: 'content', vote: 'needs_person', code: 'SENSITIVE_TOPIC', reason })
  }
  if (asksForCitations(attempt.goal.content) && !isCited(text, isOwners, attempt)) {
    const reason = 'The goal asks for citations; the text names no link that the work has read.'
    votes.push({ gate: 'content', vote: refusal(isOwners), code: 'CITATION_MISSING', reason })
  }
  return votes
}

const asksForCitations = (goal: unknown): boolean =>
  typeof goal === 'object' && goal !== null && 'citations' in goal && goal.citations === true

/** A link in the text that stands in the evidence, too; the owner's own words need no evidence. */
function isCited(text: string, isOwners: boolean, { outcome }: Attempt): boolean {
  const links = namedDestinations(text).filter(({ kind }) => kind === 'url')
  if (isOwners) return links.length > 0
  const evidence = outcome.outcome === 'result' ? outcome.result.evidence : []
  const sources = new Set(evidence.map(({ source }) => canonicalUrl(source)))
  return links.some(({ canonical }) => sources.has(canonical))
}
