import { PersonaFront, type Persona } from '@chimera/contracts/judging/persona'
import { RegistryKind } from '@chimera/contracts/judging/registry'
import type { AttemptOutcome } from '@chimera/contracts/task-result'

import type { Sql } from '../open-database.ts'
import { MAX_REGISTRY } from '../registry/list-registry.ts'
import { isPost, readRepeats, type Said } from './read-repeats.ts'

/** What people have written down that proposed effects are held against, and what was said. */
export type LoadedHouse = {
  /** Tenant and subject -> version; see `readHouseVersions`. */
  readonly versions: ReadonlyMap<string, string>
  /** Rows of the address book that hold, by tenant. */
  readonly registries: ReadonlyMap<string, readonly LoadedRegistryEntry[]>
  /** By task: the persona that it or its agent names, and the version that is pinned. */
  readonly personas: ReadonlyMap<string, LoadedPersona>
  /** `<goal> <slot> <account>` that would say again what the account has said of late. */
  readonly repeats: ReadonlySet<string>
}

export type LoadedRegistryEntry = {
  readonly kind: RegistryKind
  readonly name: string
  readonly version: number
  readonly value: unknown
}

/** `persona` is undefined when nothing is pinned under the name. */
export type LoadedPersona = {
  readonly name: string
  readonly pinned: (Persona & { readonly version: number }) | undefined
}

type Acting = {
  readonly tenantId: string
  readonly goalId: string
  readonly taskId: string
  readonly outcome: AttemptOutcome
  readonly goal: { readonly agentId: string }
}

/** Reads all of it for the attempts of a batch. */
export async function loadHouse(
  sql: Sql,
  attempts: readonly Acting[],
  of: { repeatDays: number },
): Promise<LoadedHouse> {
  const tenants = [...new Set(attempts.map(({ tenantId }) => tenantId))]
  // Versions first: what is read after them may be newer, never older.
  const versions = await readHouseVersions(sql, tenants)
  const [registries, personas, repeats] = await Promise.all([
    readRegistries(sql, tenants),
    readPersonas(sql, attempts),
    readRepeats(sql, attempts.flatMap(proposedWords), of.repeatDays),
  ])
  return { versions, registries, personas, repeats }
}

/**
 * The versions of the tenants' registries and personas; `lock` holds them for a grant, so that
 * whoever changes them waits for it, and the next grant for whoever changed them.
 */
export async function readHouseVersions(
  sql: Sql,
  tenants: readonly string[],
  lock = false,
): Promise<Map<string, string>> {
  const rows = await sql.query<{ tenant_id: string; subject: string; version: string }>({
    name: lock ? 'house-versions-locked' : 'house-versions',
    text: `SELECT tenant_id, subject, version FROM house_versions WHERE tenant_id = ANY($1::uuid[])
      ORDER BY tenant_id, subject${lock ? ' FOR SHARE' : ''}`,
    values: [tenants],
  })
  return new Map(rows.map((row) => [`${row.tenant_id} ${row.subject}`, row.version]))
}

async function readRegistries(
  sql: Sql,
  tenants: readonly string[],
): Promise<Map<string, LoadedRegistryEntry[]>> {
  const rows = await sql.query<{
    tenant_id: string
    kind: string
    name: string
    version: number
    value: unknown
  }>({
    name: 'scene-registries',
    text: `SELECT r.tenant_id, r.kind, r.name, r.version, r.value FROM unnest($1::uuid[]) AS t(id)
      CROSS JOIN LATERAL (SELECT * FROM registry_entries e
        WHERE e.tenant_id = t.id AND e.removed_at IS NULL
        ORDER BY e.kind, e.name LIMIT ${MAX_REGISTRY}) AS r`,
    values: [tenants],
  })
  const byTenant = new Map<string, LoadedRegistryEntry[]>()
  for (const { tenant_id: tenant, kind, name, version, value } of rows) {
    const entry = { kind: RegistryKind.parse(kind), name, version, value }
    const entries = byTenant.get(tenant)
    if (entries === undefined) byTenant.set(tenant, [entry])
    else entries.push(entry)
  }
  return byTenant
}

async function readPersonas(
  sql: Sql,
  attempts: readonly Acting[],
): Promise<Map<string, LoadedPersona>> {
  const rows = await sql.query<{
    task_id: string
    voice: string
    version: number | null
    front: unknown
    body: string | null
  }>({
    name: 'scene-personas',
    text: `SELECT t.task_id, t.voice, c.version, c.front, c.body
      FROM (SELECT k.task_id, k.tenant_id,
          coalesce(p.constraints ->> 'voice_ref', a.soul_ref, 'SOUL.md') AS voice
        FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(task_id, tenant_id, agent_id)
        JOIN task_payloads p USING (task_id)
        LEFT JOIN agents a ON a.tenant_id = k.tenant_id AND a.id = k.agent_id) AS t
      LEFT JOIN LATERAL (SELECT version, front, body FROM personas s
        WHERE s.tenant_id = t.tenant_id AND s.name = t.voice
        ORDER BY version DESC LIMIT 1) AS c ON true`,
    values: [
      attempts.map(({ taskId }) => taskId),
      attempts.map(({ tenantId }) => tenantId),
      attempts.map(({ goal }) => goal.agentId),
    ],
  })
  return new Map(
    rows.map(({ task_id: taskId, voice, version, front, body }) => [
      taskId,
      {
        name: voice,
        pinned:
          version === null
            ? undefined
            : { version, front: PersonaFront.parse(front), body: body ?? '' },
      },
    ]),
  )
}

const proposedWords = ({ tenantId, goalId, outcome }: Acting): Said[] =>
  outcome.outcome === 'result'
    ? outcome.result.proposed_effects
        .filter(isPost)
        .map(({ slot, args }) => ({ tenantId, goalId, slot, args }))
    : []
