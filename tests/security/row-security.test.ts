/** PostgreSQL itself keeps tenants apart, whatever the gateway or the swarm should forget. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import {
  openDatabase,
  type Database,
  type DatabaseRole,
  type Sql,
} from '@chimera/infra/database/open-database'
import { openTenantDatabase, type TenantDatabase } from '@chimera/infra/database/tenant-database'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'

const log = openLog({ name: 'row-security', level: 'silent' })
const TENANTS = [DEFAULT_TENANT, newId(), newId(), newId()]

type Peopled = {
  owner: FreshDatabase
  tables: readonly string[]
  gateway: TenantDatabase
  swarm: TenantDatabase
}

let peopled: Peopled
const opened = new AsyncDisposableStack()
beforeAll(async () => {
  peopled = await people()
})
afterAll(() => opened.disposeAsync())

/** A record with rows of four tenants in it, and the gateway's and the swarm's way to it. */
async function people(): Promise<Peopled> {
  const owner = opened.use(await openFreshDatabase())
  for (const tenant of TENANTS) await fill(owner, tenant)
  const openAs = (role: DatabaseRole) => {
    const url = urlAs(role, owner.databaseUrl)
    const as = openDatabase({ url, name: 'row-security', log, role, max: 3 })
    return openTenantDatabase(opened.use(as))
  }
  return {
    owner,
    tables: await tenantTables(owner),
    gateway: openAs('chimera_gateway'),
    swarm: openAs('chimera_swarm'),
  }
}

async function fill(owner: Database, tenantId: string): Promise<void> {
  await owner.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1, 't') ON CONFLICT DO NOTHING`,
    values: [tenantId],
  })
  const audit = draftAudit()
  await owner.transaction(async (tx) => {
    const goals = [1, 2, 3].map((n) => ({
      tenantId,
      id: `goal-${n}`,
      goal: { text: 'noop 1', mode: 'paper' as const, campaign_id: 'spring' },
      source: 'cli' as const,
      trust: 'owner' as const,
    }))
    await insertGoals(tx, goals, audit)
    await appendAudit(tx, audit, 'test')
    const task = newId()
    await tx.query({
      text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
          audit_id)
        VALUES ($1, $2, 'goal-1', $1, 'RESEARCH', 'noop', 'PENDING', 'ready', $1)`,
      values: [task, tenantId],
    })
    await tx.query({
      text: `INSERT INTO task_payloads (task_id, payload, constraints) VALUES ($1, '{}', '{}')`,
      values: [task],
    })
    await tx.query({
      text: `INSERT INTO users (tenant_id, id, version_id, email, roles, audit_id)
        VALUES ($1, 'ann', $2, 'a@example.org', '{}', $2)`,
      values: [tenantId, newId()],
    })
    await tx.query({
      text: `INSERT INTO api_tokens (id, tenant_id, name, hash, scopes)
        VALUES ($1, $2, 'n', $3, '{read}')`,
      values: [newId(), tenantId, newId()],
    })
  })
}

async function tenantTables(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ name: string }>({
    text: `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND a.attname = 'tenant_id' AND NOT a.attisdropped ORDER BY 1`,
  })
  return rows.map(({ name }) => name)
}

type Row = { tenant_id: string }

/** Statements that forget the tenant, each in its own way. */
const FORGETFUL: readonly ((table: string, other: string) => string)[] = [
  (table) => `SELECT tenant_id FROM ${table}`,
  (table, other) => `SELECT tenant_id FROM ${table} WHERE tenant_id = '${other}'`,
  (table) => `SELECT t.tenant_id FROM ${table} t CROSS JOIN goals g WHERE g.id = 'goal-1'`,
  (table) => `WITH all_of AS MATERIALIZED (SELECT * FROM ${table}) SELECT tenant_id FROM all_of`,
  () => `SELECT t.tenant_id FROM task_payloads p LEFT JOIN tasks t ON t.id = p.task_id`,
  () => `UPDATE goals SET failure = NULL, version_id = new_version() RETURNING tenant_id`,
  () => `DELETE FROM api_tokens RETURNING tenant_id`,
  (_, other) => `UPDATE users SET tenant_id = '${other}', version_id = new_version()
    RETURNING tenant_id`,
]

/** Rows of somebody else that random statements of random tenants get to see or to move. */
async function foreignRows(of: Peopled, given: { n: number; random: Random }): Promise<string[]> {
  const { random } = given
  const foreign: string[] = []
  const one = async (): Promise<void> => {
    const tenantId = random.pick(TENANTS)
    const other = random.pick(TENANTS.filter((tenant) => tenant !== tenantId))
    const text = random.pick(FORGETFUL)(random.pick(of.tables), other)
    const isAborted = random.fraction() < 0.5 || !text.startsWith('SELECT')
    const look = (sql: Sql) => sql.query<Row>({ text })
    let rows: Row[] = []
    const aborted = new Error('aborted on purpose')
    // The gateway is held to one tenant, the swarm to those of its batch.
    const isSwarm = random.fraction() < 0.5
    const database = isSwarm ? of.swarm : of.gateway
    const own = isSwarm
      ? [tenantId, ...TENANTS.filter((id) => id !== other).slice(0, 1)]
      : [tenantId]
    await database
      .as(isSwarm ? { tenantIds: own } : { tenantId }, async () => {
        if (!isAborted) {
          rows = await look(database)
          return
        }
        await database.transaction(async (tx) => {
          rows = await look(tx)
          if (random.fraction() < 0.5) await tx.query({ text: 'SELECT 1 / 0' })
          throw aborted
        })
      })
      .catch(() => undefined)
    for (const row of rows) {
      if (!own.includes(row.tenant_id)) foreign.push(`${text}: a row of another tenant`)
    }
    // What the last one left on its connection shows nothing to who says nothing.
    if (random.fraction() < 0.1) {
      const found = await database.query<Row>({ text: 'SELECT tenant_id FROM goals' })
      if (found.length > 0) foreign.push('rows without a tenant')
    }
  }
  const lanes = Array.from({ length: 6 }, async () => {
    for (let n = 0; n < given.n / 6; n += 1) await one()
  })
  await Promise.all(lanes)
  return foreign
}

const N = sampleSize({ ci: 2_000, full: 10_000 })

guarantee(
  {
    id: 'tenants-apart',
    title: 'random queries of random tenants, aborted ones among them, see no row of another',
    n: N,
    seed: 61,
    timeoutMs: 60_000 + N * 20,
  },
  async ({ n, random }) => {
    expect(await foreignRows(peopled, { n, random })).toEqual([])
  },
)

control(
  { guard: 'row-level security', test: 'tenants-apart', expect: /to deeply equal \[\]/ },
  async () => {
    const bare = await people()
    for (const table of bare.tables) {
      await bare.owner.query({ text: `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY` })
    }
    expect(await foreignRows(bare, { n: 60, random: seeded(61) })).toEqual([])
  },
)

control(
  { guard: 'the set of tenants', test: 'tenants-apart', expect: /to deeply equal \[\]/ },
  async () => {
    const bare = await people()
    for (const table of bare.tables) {
      await bare.owner.query({ text: `ALTER POLICY batch_tenants ON ${table} USING (true)` })
    }
    expect(await foreignRows(bare, { n: 60, random: seeded(61) })).toEqual([])
  },
)

/** What stands in for the foreign keys that payloads and results do not have. */
async function expectTasksKeepTheirRows({ owner, swarm }: Peopled): Promise<void> {
  const [own = '', other = ''] = TENANTS
  const [theirs] = await owner.query<{ id: string }>({
    text: 'SELECT id FROM tasks WHERE tenant_id = $1',
    values: [other],
  })
  const payload = `INSERT INTO task_payloads (task_id, payload, constraints)
    VALUES ($1, '{}', '{}')`
  const result = `INSERT INTO task_results (task_id, attempt, worker, outcome)
    VALUES ($1, 1, 'w', '{}')`
  for (const text of [payload, result]) {
    for (const task of [newId(), theirs?.id]) {
      await expect(swarm.query({ text, values: [task] }, { tenantIds: [own] })).rejects.toThrow(
        /row-level security/,
      )
    }
  }
  const gone = await swarm.query({ text: 'DELETE FROM tasks' }, { tenantIds: TENANTS }).then(
    () => 'deleted',
    (error: unknown) => String(error),
  )
  expect(gone, 'tasks').toContain('DELETE of tasks is refused')
}

guarantee(
  {
    id: 'tasks-keep-their-rows',
    title: 'no payload and no result is written for a task that is not seen, and no task goes',
    n: 1,
    seed: 97,
  },
  () => expectTasksKeepTheirRows(peopled),
)

control(
  { guard: 'row-level security', test: 'tasks-keep-their-rows', expect: /promise resolved/ },
  async () => {
    const bare = await people()
    await bare.owner.query({ text: 'ALTER TABLE task_payloads DISABLE ROW LEVEL SECURITY' })
    await expectTasksKeepTheirRows(bare)
  },
)

control(
  { guard: 'the trigger', test: 'tasks-keep-their-rows', expect: /tasks: expected 'deleted'/ },
  async () => {
    const bare = await people()
    await bare.owner.query({ text: 'DROP TRIGGER tasks_stay ON tasks' })
    await expectTasksKeepTheirRows(bare)
  },
)

/** What stands in for the foreign key that the trail does not have. */
async function expectTenantsKeepTheirTrail({ owner, swarm, gateway }: Peopled): Promise<void> {
  const [own = '', other = ''] = TENANTS
  const text = `INSERT INTO audit_entries (id, tenant_id, actor, items) VALUES ($1, $2, 'a', '[]')`
  for (const tenant of [newId(), other]) {
    const entry = { text, values: [newId(), tenant] }
    await expect(swarm.query(entry, { tenantIds: [own] })).rejects.toThrow(/row-level security/)
    await expect(gateway.query(entry, { tenantId: own })).rejects.toThrow(/row-level security/)
  }
  const bare = newId()
  await owner.query({ text: `INSERT INTO tenants (id, name) VALUES ($1, 't')`, values: [bare] })
  const entry = { text, values: [newId(), bare] }
  await swarm.query(entry, { tenantIds: [bare] })
  const gone = await owner
    .query({
      text: `WITH versions AS (DELETE FROM house_versions WHERE tenant_id = $1)
        DELETE FROM tenants WHERE id = $1`,
      values: [bare],
    })
    .then(
      () => 'deleted',
      (error: unknown) => String(error),
    )
  expect(gone, 'tenants').toContain('has a trail and stays')
}

guarantee(
  {
    id: 'tenants-keep-their-trail',
    title: 'no audit entry is written for a tenant beside the batch, and no tenant with one goes',
    n: 1,
    seed: 98,
  },
  () => expectTenantsKeepTheirTrail(peopled),
)

control(
  { guard: 'row-level security', test: 'tenants-keep-their-trail', expect: /promise resolved/ },
  async () => {
    const bare = await people()
    await bare.owner.query({ text: 'ALTER TABLE audit_entries DISABLE ROW LEVEL SECURITY' })
    await expectTenantsKeepTheirTrail(bare)
  },
)

control(
  { guard: 'the trigger', test: 'tenants-keep-their-trail', expect: /tenants: expected 'deleted'/ },
  async () => {
    const bare = await people()
    await bare.owner.query({ text: 'DROP TRIGGER tenants_keep_trail ON tenants' })
    await expectTenantsKeepTheirTrail(bare)
  },
)

test('a batch sees all of its tenants, however their ids are written and ordered', async () => {
  const ids = [newId(), newId(), newId(), newId()].map(
    (id, n) => `${'a0b1'[n] ?? ''}${id.slice(1)}`,
  )
  const name = newId()
  const text = `INSERT INTO tenants (id, name) SELECT id, $2 FROM unnest($1::uuid[]) AS id`
  await peopled.owner.query({ text, values: [ids, name] })
  const seen = { text: 'SELECT id FROM tenants WHERE name = $1', values: [name] }
  for (const given of [ids, ids.toReversed(), ids.map((id, n) => (n < 2 ? id : id.toUpperCase()))])
    expect(await peopled.swarm.query(seen, { tenantIds: given })).toHaveLength(ids.length)
})

describe('the catalog', () => {
  /** Tables of the house: they hold nothing of a tenant's. */
  const HOUSE = new Set([
    'account_cooldowns',
    'budget_defaults',
    'fences',
    'kill_levels',
    'model_circuits',
    'provider_metrics',
    'record_incarnation',
    'record_restores',
    'schema_migrations',
    'stream_marker',
    'tool_accounts',
    'tool_adoptions',
    'tool_boots',
  ])

  const unprotected = (sql: Sql) =>
    sql.query<{ name: string; has_tenant: boolean }>({
      text: `SELECT c.relname AS name, EXISTS (SELECT FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS has_tenant
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND 2 = (SELECT count(*)
            FROM pg_policy p
            WHERE p.polrelid = c.oid AND p.polname IN ('one_tenant', 'batch_tenants')))
        ORDER BY 1`,
    })

  test('knows no table of a tenant without forced row-level security', async () => {
    const found = await unprotected(peopled.owner)
    expect(found.filter((table) => table.has_tenant)).toEqual([])
    const names = found.map(({ name }) => name)
    expect(names.filter((name) => !HOUSE.has(name))).toEqual([])
  })

  test('shows a table that a migration forgot, and the next run protects it', async () => {
    await using database = await openFreshDatabase()
    await database.query({ text: 'CREATE TABLE later (id int, tenant_id uuid NOT NULL)' })
    expect(await unprotected(database)).toContainEqual({ name: 'later', has_tenant: true })
    await database.query({ text: 'SELECT protect_tenants()' })
    expect((await unprotected(database)).map(({ name }) => name)).not.toContain('later')
  })

  test('lets no function that works as its owner be led astray or asked by everybody', async () => {
    const found = await peopled.owner.query<{ name: string; path: string | null; asks: string[] }>({
      text: `SELECT p.proname AS name, (SELECT c FROM unnest(p.proconfig) AS c
            WHERE c LIKE 'search_path=%') AS path,
          ARRAY(SELECT r FROM unnest(ARRAY['public', 'chimera_gateway', 'chimera_swarm']) AS r
            WHERE has_function_privilege(r, p.oid, 'EXECUTE')) AS asks
        FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef`,
    })
    expect(found.length).toBeGreaterThan(30)
    for (const { name, path, asks } of found) {
      expect(path, name).toBe('search_path=public, pg_temp')
      expect(asks, name).toEqual([name === 'find_principal' ? 'chimera_gateway' : 'chimera_swarm'])
    }
  })

  const ROLES = [
    {
      name: 'chimera_gateway',
      of: () => peopled.gateway,
      scope: { tenantId: DEFAULT_TENANT },
      policy: 'one_tenant',
    },
    {
      name: 'chimera_swarm',
      of: () => peopled.swarm,
      scope: { tenantIds: [DEFAULT_TENANT] },
      policy: 'batch_tenants',
    },
  ] as const

  test.each(ROLES)('lets $name own nothing and bypass nothing', async ({ name, of, ...its }) => {
    const [role] = await peopled.owner.query({
      text: `SELECT rolsuper, rolbypassrls, rolcreaterole, rolcanlogin,
          (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned
        FROM pg_roles r WHERE rolname = $1`,
      values: [name],
    })
    expect(role).toEqual({
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcanlogin: false,
      owned: 0,
    })
    const forbidden = [
      'ALTER TABLE goals DISABLE ROW LEVEL SECURITY',
      `DROP POLICY ${its.policy} ON goals`,
      'SELECT protect_tenants()',
      'UPDATE record_incarnation SET since = now()',
    ]
    for (const text of forbidden) {
      await expect(of().query({ text })).rejects.toThrow(/must be owner|denied/)
    }
    const [who] = await of().query({ text: 'SELECT current_user AS name' })
    expect(who).toEqual({ name })
    const foreign = {
      text: `INSERT INTO agents (tenant_id, id, version_id, audit_id) VALUES ($1, 'x', $2, $2)`,
      values: [TENANTS[1], newId()],
    }
    const inserted = of().as(its.scope, () => of().query(foreign))
    await expect(inserted).rejects.toThrow(/row-level security/)
  })

  test('gives the swarm no token, and nothing that only people write', async () => {
    const forbidden = [
      'SELECT hash FROM api_tokens',
      'UPDATE registry_entries SET note = note',
      'UPDATE budget_caps SET cap = NULL',
      'UPDATE users SET roles = roles',
    ]
    for (const text of forbidden) {
      await expect(peopled.swarm.query({ text })).rejects.toThrow(/permission denied/)
    }
  })
})

test('a connection that cannot step down is never handed out', async () => {
  await using database = await openFreshDatabase()
  const url = new URL(database.databaseUrl)
  const login = `login_${newId().replaceAll('-', '')}`
  await database.query({ text: `CREATE ROLE ${login} LOGIN PASSWORD '${login}'` })
  url.username = login
  url.password = login
  const role = 'chimera_gateway' as const
  try {
    await using weak = openDatabase({ url: url.href, name: 'weak', log, role })
    await expect(weak.query({ text: 'SELECT 1' })).rejects.toThrow(
      /is no member of chimera_gateway/,
    )
    await expect(weak.transaction((tx) => tx.query({ text: 'SELECT 1' }))).rejects.toThrow(
      /is no member of chimera_gateway/,
    )
  } finally {
    await database.query({ text: `DROP ROLE ${login}` })
  }
})
