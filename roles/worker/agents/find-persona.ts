import { personaInUse, type PersonaInUse } from '@chimera/domain/persona/default-persona'
import { namedVoice } from '@chimera/domain/topics/forbidden-goal'
import type { Sql } from '@chimera/infra/database/open-database'
import { findVoices } from '@chimera/infra/database/personas/find-voices'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'

/** Who speaks for a task: the persona that its constraints name, its agent's own, the default. */
export async function findPersona(sql: Sql, task: ClaimedTask): Promise<PersonaInUse> {
  const { tenantId, agentId, constraints } = task
  const [voice] = await findVoices(sql, [{ tenantId, agentId, named: namedVoice(constraints) }])
  if (voice === undefined) throw new Error('A statement that asks for one voice answers one.')
  return personaInUse(voice)
}
