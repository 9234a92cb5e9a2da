import type { Persona, PersonaView } from '@chimera/contracts/judging/persona'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database } from '../open-database.ts'
import { PERSONA_COLUMNS, type PersonaRow, personaView } from './persona-row.ts'

/**
 * Pins a persona: the next version under its name, which holds for every verdict from the commit
 * on. The very file that is pinned already changes nothing.
 */
export async function pinPersona(
  database: Database,
  of: { tenantId: string; name: string; persona: Persona; sha256: string; actor: string },
): Promise<{ persona: PersonaView; isNew: boolean }> {
  return database.transaction(async (tx) => {
    // One after the other: two people who pin at once get two versions.
    await tx.query({
      text: `SELECT 1 FROM house_versions WHERE tenant_id = $1 AND subject = 'persona' FOR UPDATE`,
      values: [of.tenantId],
    })
    const [held] = await tx.query<PersonaRow>({
      text: `SELECT ${PERSONA_COLUMNS} FROM personas WHERE tenant_id = $1 AND name = $2
        ORDER BY version DESC LIMIT 1`,
      values: [of.tenantId, of.name],
    })
    if (held?.sha256 === of.sha256) return { persona: personaView(held), isNew: false }
    const audit = draftAudit()
    const version = (held?.version ?? 0) + 1
    const [row] = await tx.query<PersonaRow>({
      text: `INSERT INTO personas (tenant_id, name, version, sha256, front, body, pinned_by,
          audit_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${PERSONA_COLUMNS}`,
      values: [
        of.tenantId,
        of.name,
        version,
        of.sha256,
        JSON.stringify(of.persona.front),
        of.persona.body,
        of.actor,
        audit.idFor(of.tenantId),
      ],
    })
    if (row === undefined) throw new Error('The persona was not written.')
    audit.add(of.tenantId, {
      subject: 'persona',
      id: of.name,
      from: held === undefined ? null : `version ${held.version}`,
      to: `version ${version}`,
      input: of.sha256,
    })
    await appendAudit(tx, audit, of.actor)
    return { persona: personaView(row), isNew: true }
  })
}
