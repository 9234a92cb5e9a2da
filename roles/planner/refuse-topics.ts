import { DEFAULT_PERSONA_NAME } from '@chimera/contracts/judging/persona'
import { DEFAULT_PERSONA } from '@chimera/domain/persona/default-persona'
import { forbiddenTopics, voiceOf } from '@chimera/domain/topics/forbidden-goal'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Database } from '@chimera/infra/database/open-database'
import { findPersonas, personaKey } from '@chimera/infra/database/personas/find-personas'
import type { Logger } from '@chimera/runtime/log'

/**
 * The goals that are refused before they are planned, because their persona never writes about
 * their topic. No model is asked. Who names a persona that nobody pinned gets the default one, and
 * the log says so.
 */
export async function refuseTopics(
  { database, log }: { readonly database: Database; readonly log: Logger },
  leased: readonly LeasedGoal[],
): Promise<ReadonlyMap<LeasedGoal, GoalPlan>> {
  const voices = leased.map((goal) => ({ tenantId: goal.tenantId, name: voiceOf(goal.content) }))
  const pinned = await findPersonas(database, voices)
  const refused = new Map<LeasedGoal, GoalPlan>()
  for (const goal of leased) {
    const { tenantId, id: goalId, versionId, content } = goal
    const name = voiceOf(content)
    const persona = pinned.get(personaKey({ tenantId, name }))
    if (persona === undefined && name !== DEFAULT_PERSONA_NAME) {
      log.warn({ goal_id: goalId, persona: name }, 'no such persona is pinned: the default speaks')
    }
    const [found] = forbiddenTopics(content, (persona ?? DEFAULT_PERSONA).front)
    if (found === undefined) continue
    const words = found.words.slice(0, 5).join(', ')
    const message = `${name} never writes about ${found.topic}; the goal says: ${words}.`
    const failure = { code: 'TOPIC_FORBIDDEN', message } as const
    refused.set(goal, { tenantId, goalId, versionId, failure })
  }
  return refused
}
