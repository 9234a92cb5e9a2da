/** The tables that the Judge follows pointers into and holds texts against (see tables.ts). */
import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type HouseVersions = {
  tenant_id: string
  subject: string
  version: Generated<Digits>
}

export type RegistryEntries = {
  tenant_id: string
  kind: string
  name: string
  version: number
  value: Json
  note: Generated<string>
  added_by: string
  added_at: Generated<Time>
  removed_by: string | null
  removed_at: Time | null
  audit_id: string
}

export type Personas = {
  tenant_id: string
  name: string
  version: number
  sha256: string
  front: Json
  body: string
  pinned_by: string
  pinned_at: Generated<Time>
  audit_id: string
}
