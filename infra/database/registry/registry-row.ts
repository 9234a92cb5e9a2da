import { RegistryView } from '@chimera/contracts/judging/registry'

export type RegistryRow = {
  kind: string
  name: string
  version: number
  value: unknown
  note: string
  added_by: string
  added_at: Date
  removed_by: string | null
  removed_at: Date | null
}

export const REGISTRY_COLUMNS =
  'kind, name, version, value, note, added_by, added_at, removed_by, removed_at'

export const registryView = (row: RegistryRow): RegistryView =>
  RegistryView.parse({
    ...row,
    added_at: row.added_at.toISOString(),
    removed_at: row.removed_at?.toISOString() ?? null,
  })
