import { z } from 'zod'

import type { GoalSeen, History, Intent, ProviderLine } from './history.ts'

/** What may be wrong with one goal. */
export const VERDICTS = [
  /** It was accepted, and neither came to its end nor said honestly why not. */
  'lost',
  /** The provider was asked for it again after it had taken it. */
  'duplicated',
  /** It is said to have happened, and did not. */
  'wrongly_confirmed',
  /** It is said not to have happened, and did. */
  'wrongly_denied',
  /** Nobody has said yet whether it happened. */
  'unsettled',
  /** A person is asked for, which no fault of a simulated provider needs. */
  'needs_human',
  /** The provider was asked for something that nobody wanted. */
  'unexpected',
] as const
export type Verdict = (typeof VERDICTS)[number]

export type Finding = Readonly<{ verdict: Verdict; goalId: string; why: string }>

export type Checked = Readonly<{
  findings: readonly Finding[]
  counts: Readonly<{
    accepted: number
    /** Goals that ended COMPLETED. */
    completed: number
    /** Effects that happened and are CONFIRMED. */
    confirmed: number
    /** Goals that failed, said why, and of which nothing happened. */
    failedHonestly: number
  }>
}>

const OPEN_STATES: ReadonlySet<string> = new Set([
  'PROPOSED',
  'AWAITING_APPROVAL',
  'GRANTED',
  'UNKNOWN',
])
const ENDED: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED'])

/** Holds what is said against what happened, goal by goal. */
export function checkHistory(history: History): Checked {
  const posts = postsByWords(history.provider)
  const findings: Finding[] = []
  const counts = { accepted: 0, completed: 0, confirmed: 0, failedHonestly: 0 }
  for (const intent of history.intents) {
    const goal = history.goals.get(intent.goalId)
    const of = (intent.words === undefined ? undefined : posts.get(intent.words)) ?? []
    const found = [...checkPosts(of), ...checkGoal(intent, goal, of)]
    findings.push(...found.map((each) => ({ ...each, goalId: intent.goalId })))
    if (intent.isAccepted) counts.accepted += 1
    if (goal?.status === 'COMPLETED') counts.completed += 1
    if (goal?.status === 'FAILED' && found.length === 0) counts.failedHonestly += 1
    const refs = new Set(happened(of).map(({ id }) => id))
    counts.confirmed += confirmed(goal).filter((ref) => refs.has(ref)).length
  }
  const wanted = new Set(history.intents.map(({ words }) => words))
  for (const [words, of] of posts) {
    if (wanted.has(words)) continue
    const why = `X was asked ${of.length} times for ${JSON.stringify(words)}`
    findings.push({ verdict: 'unexpected', goalId: '', why })
  }
  return { findings, counts }
}

type Found = Omit<Finding, 'goalId'>

function checkPosts(posts: readonly ProviderLine[]): Found[] {
  const [first, ...more] = happened(posts)
  if (first === undefined) return []
  const again = posts.filter(({ n }) => n > first.n)
  if (again.length === 0) return []
  const why =
    more.length > 0
      ? `X took it ${more.length + 1} times: ${[first, ...more].map(({ id }) => id).join(', ')}`
      : `X had taken it as ${first.id} and was asked again, which it refused`
  return [{ verdict: 'duplicated', why }]
}

function checkGoal(
  intent: Intent,
  goal: GoalSeen | undefined,
  posts: readonly ProviderLine[],
): Found[] {
  if (goal === undefined) {
    if (intent.isAccepted) return [{ verdict: 'lost', why: 'the API does not know it' }]
    const [post] = happened(posts)
    if (post === undefined) return []
    return [{ verdict: 'unexpected', why: `X took ${post.id} of a goal that nobody accepted` }]
  }
  const open = checkOpen(goal)
  if (open.length > 0) return open
  if (!ENDED.has(goal.status)) return [{ verdict: 'lost', why: `it is still ${goal.status}` }]
  return [...checkClaims(goal, posts), ...checkEnd(intent, goal)]
}

/** Effects that still have to be settled. */
function checkOpen(goal: GoalSeen): Found[] {
  return goal.effects.flatMap(({ slot, round, state }): Found[] => {
    const why = `${slot} round ${round} is ${state}; the goal is ${goal.status}`
    if (state === 'NEEDS_HUMAN') return [{ verdict: 'needs_human', why }]
    return OPEN_STATES.has(state) ? [{ verdict: 'unsettled', why }] : []
  })
}

/** Each effect that is confirmed is one thing that happened, and the other way round. */
function checkClaims(goal: GoalSeen, posts: readonly ProviderLine[]): Found[] {
  const found: Found[] = []
  const real = new Set(happened(posts).map(({ id }) => id))
  const claimed = new Set<string>()
  for (const ref of confirmed(goal)) {
    if (!real.has(ref) || claimed.has(ref)) {
      const why = `${ref} is CONFIRMED ${claimed.has(ref) ? 'twice' : 'and X never took it'}`
      found.push({ verdict: 'wrongly_confirmed', why })
    }
    claimed.add(ref)
  }
  const isOwned = goal.status === 'COMPLETED' || goal.partial.length >= claimed.size
  for (const id of real) {
    if (id !== undefined && claimed.has(id) && isOwned) continue
    const states = goal.effects.map(({ state }) => state).join(', ')
    const why = `X took it as ${id}; the goal is ${goal.status} with effects [${states}]`
    found.push({ verdict: 'wrongly_denied', why })
  }
  return found
}

/** Whether the end that the goal came to is one that its owner can accept. */
function checkEnd({ words }: Intent, goal: GoalSeen): Found[] {
  if (goal.status === 'CANCELLED') return [{ verdict: 'lost', why: 'nobody cancelled it' }]
  if (goal.status === 'FAILED') {
    const code = goal.failure?.code ?? ''
    return code === '' ? [{ verdict: 'lost', why: 'it failed and does not say why' }] : []
  }
  const isDone = words === undefined || confirmed(goal).length > 0
  return isDone ? [] : [{ verdict: 'lost', why: 'it is COMPLETED without its effect' }]
}

const happened = (posts: readonly ProviderLine[]): ProviderLine[] =>
  posts.filter(({ outcome }) => outcome !== 'refused')

/** The provider's references of confirmed effects; one without a reference names nothing. */
const confirmed = (goal: GoalSeen | undefined): string[] =>
  (goal?.effects ?? [])
    .filter(({ state }) => state === 'CONFIRMED')
    .map(({ provider_ref: ref }) => ref ?? 'nothing')

const PostBody = z.looseObject({ text: z.string() })

/** What X was asked to post, by its words. */
function postsByWords(lines: readonly ProviderLine[]): Map<string, ProviderLine[]> {
  const posts = lines.filter(({ method, path }) => method === 'POST' && path === '/2/tweets')
  return Map.groupBy(posts, ({ body }) => PostBody.safeParse(body).data?.text ?? '')
}
