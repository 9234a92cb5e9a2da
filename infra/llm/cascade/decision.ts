import type { FeedEvent } from '@chimera/contracts/trail/feed'

import type { AskedFor } from '../model-budget.ts'
import { usdText } from './price.ts'

/** What became of one tier in one question. */
export type Considered = Readonly<{
  tier: string
  model: string
  outcome: 'answered' | 'failed' | 'skipped'
  /** A code, or why it was not asked. */
  why?: string
}>

/** Which model a question went to, and why to no other. */
export type Decision = Readonly<{
  asked: AskedFor
  /** The tier that answered; who answers without one; null when nobody does. */
  chosen: string | null
  considered: readonly Considered[]
  requests: number
  usdMicros: bigint
  ms: number
}>

const MAX_SUMMARY = 300
const MAX_ID = 200

/** `router.decision`: a line for people, and every candidate by its name for programs. */
export function decisionEvent(decision: Decision, at: Date = new Date()): FeedEvent {
  const { asked, chosen, considered, requests, usdMicros, ms } = decision
  const line = considered.map(({ tier, ...of }) => `${tier} ${wordOf(of)}`).join('; ')
  return {
    type: 'router.decision',
    tenant: asked.tenantId,
    goal_id: asked.goalId.slice(0, MAX_ID),
    summary: `${chosen ?? 'nobody'} answers (${line})`.slice(0, MAX_SUMMARY),
    data: {
      chosen,
      requests,
      usd: usdText(usdMicros),
      ms: Math.round(ms),
      ...Object.fromEntries(
        considered.map(({ tier, ...of }, index) => [`${index + 1}.${tier}`, wordOf(of)]),
      ),
    },
    at: at.toISOString(),
  }
}

const wordOf = ({ outcome, why }: Omit<Considered, 'tier'>): string =>
  why === undefined ? outcome : `${outcome}: ${why}`
