import {
  DEFAULT_PERSONA_NAME,
  PersonaFront,
  type Persona,
} from '@chimera/contracts/judging/persona'

import type { Sql } from '../open-database.ts'

/** Who asks for a voice: an agent's goal or task, and the persona that it names, if it does. */
export type Speaker = Readonly<{ tenantId: string; agentId: string; named: string | undefined }>

/** The persona that speaks, by name; nothing is pinned under a name that nobody knows. */
export type Voice = Readonly<{
  name: string
  pinned: (Persona & Readonly<{ version: number }>) | undefined
}>

/**
 * The voices of these speakers, in their order: the persona that is named, else the agent's own
 * (`soul_ref`), else the default's name; in the version that is pinned now.
 */
export async function findVoices(sql: Sql, speakers: readonly Speaker[]): Promise<Voice[]> {
  if (speakers.length === 0) return []
  const rows = await sql.query<{
    voice: string
    version: number | null
    front: unknown
    body: string | null
  }>({
    name: 'find-voices',
    text: `SELECT v.name AS voice, c.version, c.front, c.body
      FROM (SELECT k.place, k.tenant_id, coalesce(k.named, a.soul_ref, $4) AS name
        FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY
          AS k(tenant_id, agent_id, named, place)
        LEFT JOIN agents a ON a.tenant_id = k.tenant_id AND a.id = k.agent_id) AS v
      LEFT JOIN LATERAL (SELECT version, front, body FROM personas p
        WHERE p.tenant_id = v.tenant_id AND p.name = v.name
        ORDER BY version DESC LIMIT 1) AS c ON true
      ORDER BY v.place`,
    values: [
      speakers.map(({ tenantId }) => tenantId),
      speakers.map(({ agentId }) => agentId),
      speakers.map(({ named }) => named ?? null),
      DEFAULT_PERSONA_NAME,
    ],
  })
  return rows.map(({ voice: name, version, front, body }) => ({
    name,
    pinned:
      version === null
        ? undefined
        : { version, front: PersonaFront.parse(front), body: body ?? '' },
  }))
}
