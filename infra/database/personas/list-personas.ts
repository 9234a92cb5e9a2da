import type { PersonaView } from '@chimera/contracts/judging/persona'

import type { Sql } from '../open-database.ts'
import { PERSONA_COLUMNS, type PersonaRow, personaView } from './persona-row.ts'

/** People write personas by hand: more than this is a mistake. */
const MAX_LISTED = 200

/** A tenant's personas as they are pinned now, by name; with a `name`, every version of it. */
export async function listPersonas(
  sql: Sql,
  of: { tenantId: string; name?: string },
): Promise<PersonaView[]> {
  const rows = await sql.query<PersonaRow>(
    of.name === undefined
      ? {
          text: `SELECT DISTINCT ON (name) ${PERSONA_COLUMNS} FROM personas WHERE tenant_id = $1
            ORDER BY name, version DESC LIMIT ${MAX_LISTED}`,
          values: [of.tenantId],
        }
      : {
          text: `SELECT ${PERSONA_COLUMNS} FROM personas WHERE tenant_id = $1 AND name = $2
            ORDER BY version DESC LIMIT ${MAX_LISTED}`,
          values: [of.tenantId, of.name],
        },
  )
  return rows.map(personaView)
}
