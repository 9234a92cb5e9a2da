import { PersonaFront, type Persona } from '@chimera/contracts/judging/persona'
import { RegistryKind } from '@chimera/contracts/judging/registry'
import type { AttemptOutcome } from '@chimera/contracts/task-result'

import type { Sql } from '../open-database.ts'
import { MAX_REGISTRY } from '../registry/list-registry.ts'

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
    readRepeats(sql, attempts, of.repeatDays),
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

/** Tools whose `text` is posted; the index on what was said is theirs alone. */
const POSTING: ReadonlySet<string> = new Set(['post_tweet', 'reply_tweet'])

async function readRepeats(
  sql: Sql,
  attempts: readonly Acting[],
  days: number,
): Promise<Set<string>> {
  const said = attempts.flatMap(({ tenantId, goalId, outcome }) =>
    outcome.outcome === 'result'
      ? outcome.result.proposed_effects
          .filter(({ tool, args }) => POSTING.has(tool) && typeof args['text'] === 'string')
          .map(({ slot, args }) => ({ tenantId, goalId, slot, args }))
      : [],
  )
  if (said.length === 0 || days === 0) return new Set()
  const rows = await sql.query<{ goal_id: string; slot: string; account: string }>({
    name: 'scene-repeats',
    // EXISTS: a thousand who say the same are not compared with each other, one match is enough.
    text: `SELECT w.goal_id, w.slot, b.account
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS w(tenant_id, goal_id, slot, words, answers)
      JOIN (SELECT DISTINCT tenant_id, account FROM tool_bindings
        WHERE tool IN ('post_tweet', 'reply_tweet')) AS b USING (tenant_id)
      WHERE EXISTS (SELECT FROM effects e
        WHERE text_key(e.args ->> 'text') = text_key(w.words) AND e.account = b.account
          AND e.created_at > now() - $6 * interval '1 day'
          AND e.tool IN ('post_tweet', 'reply_tweet') AND e.tenant_id = w.tenant_id
          AND e.state IN ('GRANTED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN') AND e.mode <> 'dry'
          AND (e.goal_id, e.slot) IS DISTINCT FROM (w.goal_id, w.slot)
          AND (e.args ->> 'in_reply_to') IS NOT DISTINCT FROM w.answers)`,
    values: [
      said.map(({ tenantId }) => tenantId),
      said.map(({ goalId }) => goalId),
      said.map(({ slot }) => slot),
      said.map(({ args }) => String(args['text'])),
      said.map(({ args }) =>
        typeof args['in_reply_to'] === 'string' ? args['in_reply_to'] : null,
      ),
      days,
    ],
  })
  return new Set(rows.map((row) => `${row.goal_id} ${row.slot} ${row.account}`))
}
