import { PersonaFront, type Persona } from '@chimera/contracts/judging/persona'

import type { Sql } from '../open-database.ts'

/** The persona that is pinned now under a name. */
export type PinnedPersona = Persona & { readonly name: string; readonly version: number }

/** Those of the given names that are pinned, by `personaKey`. */
export async function findPersonas(
  sql: Sql,
  names: readonly { tenantId: string; name: string }[],
): Promise<Map<string, PinnedPersona>> {
  if (names.length === 0) return new Map()
  const rows = await sql.query<{
    tenant_id: string
    name: string
    version: number
    front: unknown
    body: string
  }>({
    name: 'find-personas',
    text: `SELECT DISTINCT ON (p.tenant_id, p.name) p.tenant_id, p.name, p.version, p.front, p.body
      FROM personas p
      JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS k(tenant_id, name)
      USING (tenant_id, name) ORDER BY p.tenant_id, p.name, p.version DESC`,
    values: [names.map(({ tenantId }) => tenantId), names.map(({ name }) => name)],
  })
  return new Map(
    rows.map(({ tenant_id: tenantId, name, version, front, body }) => [
      personaKey({ tenantId, name }),
      { name, version, front: PersonaFront.parse(front), body },
    ]),
  )
}

export const personaKey = ({ tenantId, name }: { tenantId: string; name: string }): string =>
  `${tenantId} ${name}`
