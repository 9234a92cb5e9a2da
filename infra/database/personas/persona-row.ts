import { PersonaFront, type PersonaView } from '@chimera/contracts/judging/persona'

export type PersonaRow = {
  name: string
  version: number
  sha256: string
  front: unknown
  body: string
  pinned_by: string
  pinned_at: Date
}

export const PERSONA_COLUMNS = 'name, version, sha256, front, body, pinned_by, pinned_at'

export const personaView = (row: PersonaRow): PersonaView => ({
  name: row.name,
  version: row.version,
  sha256: row.sha256,
  front: PersonaFront.parse(row.front),
  body: row.body,
  pinned_by: row.pinned_by,
  pinned_at: row.pinned_at.toISOString(),
})
