import { DEFAULT_PERSONA_NAME } from '@chimera/contracts/judging/persona'
import { personaInUse, type PersonaInUse } from '@chimera/domain/persona/default-persona'
import { forbiddenTopics, namedVoice } from '@chimera/domain/topics/forbidden-goal'
import type { GoalPlan } from '@chimera/infra/database/goals/commit-plans'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Sql } from '@chimera/infra/database/open-database'
import { findVoices } from '@chimera/infra/database/personas/find-voices'
import type { Logger } from '@chimera/runtime/log'

/**
 * The goals that are refused before they are planned, because their persona never writes about
 * their topic. No model is asked. Who names a persona that nobody pinned gets the default one, and
 * the log says so.
 */
export async function refuseTopics(
  { database, log }: { readonly database: Sql; readonly log: Logger },
  leased: readonly LeasedGoal[],
): Promise<ReadonlyMap<LeasedGoal, GoalPlan>> {
  const personas = await personasOf(database, leased)
  const refused = new Map<LeasedGoal, GoalPlan>()
  for (const [goal, { name, version, front }] of personas) {
    const { tenantId, id: goalId, versionId, content } = goal
    if (version === null && name !== DEFAULT_PERSONA_NAME) {
      log.warn({ goal_id: goalId, persona: name }, 'no such persona is pinned: the default speaks')
    }
    const [found] = forbiddenTopics(content, front)
    if (found === undefined) continue
    const words = found.words.slice(0, 5).join(', ')
    const message = `${name} never writes about ${found.topic}; the goal says: ${words}.`
    const failure = { code: 'TOPIC_FORBIDDEN', message } as const
    refused.set(goal, { tenantId, goalId, versionId, failure })
  }
  return refused
}

/** Who speaks for each goal. */
export async function personasOf(
  sql: Sql,
  leased: readonly LeasedGoal[],
): Promise<ReadonlyMap<LeasedGoal, PersonaInUse>> {
  const voices = await findVoices(
    sql,
    leased.map(({ tenantId, agentId, content }) => ({
      tenantId,
      agentId,
      named: namedVoice(content),
    })),
  )
  return new Map(
    voices.flatMap((voice, place) => {
      const goal = leased[place]
      return goal === undefined ? [] : [[goal, personaInUse(voice)] as const]
    }),
  )
}
