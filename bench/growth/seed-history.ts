import pg from 'pg'
import { z } from 'zod'

/**
 * Fills the record with finished tasks: a pattern that the product itself has just done is copied,
 * row by row in all its tables, with ids, versions and times of its own for each copy, earlier than
 * everything that is there. Triggers and foreign keys are off meanwhile; nothing else is skipped:
 * columns, indexes and checks are the product's. Of an audit entry the list of items is not
 * rewritten: it goes on naming the tasks of the pattern.
 */
export async function seedHistory(of: {
  databaseUrl: string
  /** The goals of the pattern are `<pattern>-<n>`, one task each. */
  pattern: string
  tasks: number
  log: (line: string) => void
}): Promise<void> {
  const { pattern, tasks, log } = of
  // A client without time limits: the product's own would give long statements up.
  const client = new pg.Client({ connectionString: of.databaseUrl })
  await client.connect()
  try {
    if (tasks > 0) await copyPattern(client, { pattern, tasks, log })
    // As autovacuum leaves a record that has grown slowly; the statistics are of finished tasks.
    await client.query('VACUUM (ANALYZE)')
    await client.query('CHECKPOINT')
  } finally {
    await client.end()
  }
}

/** Rows that one transaction copies: short enough to show that something happens. */
const TASKS_PER_CHUNK = 50_000

async function copyPattern(
  client: pg.Client,
  { pattern, tasks, log }: { pattern: string; tasks: number; log: (line: string) => void },
): Promise<void> {
  await client.query('SET session_replication_role = replica')
  await client.query(TEMPORARY)
  const { size, span_s, since } = await describePattern(client, pattern)
  const copies: string[] = []
  for (const copy of COPIES) copies.push(await insertOf(client, copy))
  const turns = Math.ceil(tasks / size)
  const turnsPerChunk = Math.max(1, Math.floor(TASKS_PER_CHUNK / size))
  for (let from = 1; from <= turns; from += turnsPerChunk) {
    const until = Math.min(turns, from + turnsPerChunk - 1)
    log(`copying the pattern of ${size} tasks: ${from} to ${until} of ${turns}`)
    await client.query('BEGIN')
    await client.query('TRUNCATE copied_tasks, copied_entries')
    // The oldest first, as they would have come.
    const ages = [turns - from + 1, turns - until + 1, span_s]
    await client.query(MAP_TASKS, [...ages, `${pattern}-%`])
    await client.query(MAP_ENTRIES, [...ages, since])
    await client.query('ANALYZE copied_tasks, copied_entries')
    for (const text of copies) await client.query(text)
    await client.query('COMMIT')
  }
}

const TEMPORARY = `CREATE TEMPORARY TABLE copied_tasks (task_id uuid, goal_id text,
    new_task_id uuid, new_goal_id text, turn int, ago interval);
  CREATE TEMPORARY TABLE copied_entries (id uuid, new_id uuid, turn int, ago interval);
  CREATE INDEX ON copied_tasks (task_id);
  CREATE INDEX ON copied_tasks (goal_id);
  CREATE INDEX ON copied_entries (id, turn)`

/** Ids of tasks begin with a time: as the product's, those of a copy lie where its time is. */
const MAP_TASKS = `INSERT INTO copied_tasks
  SELECT t.id, t.goal_id, uuidv7(-ago.ago), 'past' || nth.turn || '-' || t.goal_id, nth.turn,
    ago.ago
  FROM generate_series($1::int, $2::int, -1) AS nth (turn),
    LATERAL (SELECT nth.turn * $3::float8 * interval '1 second' AS ago) AS ago, tasks t
  WHERE t.goal_id LIKE $4
  ORDER BY nth.turn DESC, t.id`

/** Everything since the pattern began; copies are earlier. */
const MAP_ENTRIES = `INSERT INTO copied_entries
  SELECT a.id, uuidv7(-ago.ago), turn, ago.ago
  FROM generate_series($1::int, $2::int, -1) AS turn,
    LATERAL (SELECT turn * $3::float8 * interval '1 second' AS ago) AS ago, audit_entries a
  WHERE a.created_at >= $4
  ORDER BY turn DESC, a.id`

type Copy = Readonly<{
  table: 'audit_entries' | 'goals' | 'tasks' | 'task_payloads' | 'task_results'
  /** From the row `p` of the pattern to `c`, which knows its copies. */
  join: string
  /** What a copy has of its own; times move by themselves. */
  own: Readonly<Record<string, string>>
}>

const AUDIT = `(SELECT e.new_id FROM copied_entries e WHERE e.id = p.audit_id AND e.turn = c.turn)`

/** Every table that a no-op task writes, in the order of the product. */
const COPIES: readonly Copy[] = [
  { table: 'audit_entries', join: 'copied_entries c ON c.id = p.id', own: { id: 'c.new_id' } },
  {
    table: 'goals',
    join: 'copied_tasks c ON c.goal_id = p.id',
    own: { id: 'c.new_goal_id', version_id: 'uuidv7(-c.ago)', audit_id: AUDIT },
  },
  {
    table: 'tasks',
    join: 'copied_tasks c ON c.task_id = p.id',
    own: {
      id: 'c.new_task_id',
      goal_id: 'c.new_goal_id',
      version_id: 'uuidv7(-c.ago)',
      audit_id: AUDIT,
    },
  },
  {
    table: 'task_payloads',
    join: 'copied_tasks c ON c.task_id = p.task_id',
    own: { task_id: 'c.new_task_id' },
  },
  {
    table: 'task_results',
    join: 'copied_tasks c ON c.task_id = p.task_id',
    own: { task_id: 'c.new_task_id' },
  },
]

export const SEEDED_TABLES: ReadonlySet<string> = new Set(COPIES.map(({ table }) => table))

const Columns = z.array(z.object({ name: z.string(), type: z.string() }))

/** Columns are the table's own, so that a later migration is copied, too. */
async function insertOf(client: pg.Client, { table, join, own }: Copy): Promise<string> {
  const { rows } = await client.query(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'`,
    [table],
  )
  const columns = Columns.parse(rows)
  const values = columns.map(({ name, type }) => {
    const moved = type === 'timestamp with time zone' ? `p.${name} - c.ago` : `p.${name}`
    return own[name] ?? moved
  })
  const names = columns.map(({ name }) => name).join(', ')
  return `INSERT INTO ${table} (${names}) SELECT ${values.join(', ')}
    FROM ${table} p JOIN ${join}`
}

const Pattern = z.object({
  size: z.coerce.number().positive(),
  span_s: z.coerce.number(),
  since: z.date(),
})

/**
 * How many tasks it has, how many seconds from its first goal to its last verdict, and when it
 * began.
 */
async function describePattern(
  client: pg.Client,
  pattern: string,
): Promise<z.infer<typeof Pattern>> {
  const { rows } = await client.query(
    `SELECT count(*) AS size, min(g.received_at) AS since,
      extract(epoch FROM max(t.judged_at) - min(g.received_at)) + 1 AS span_s
    FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE t.goal_id LIKE $1`,
    [`${pattern}-%`],
  )
  return Pattern.parse(rows[0])
}
