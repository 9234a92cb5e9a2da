import type { Sql } from '../open-database.ts'

/** A table of the record: its columns, and the ones of jsonb that may not be SQL's NULL. */
export type TableShape = {
  readonly name: string
  readonly columns: readonly string[]
  readonly requiredJson: readonly string[]
}

/** `schema_migrations` is written by the migrations themselves, never copied. */
const LEFT_OUT = ['schema_migrations']

/** The trail has no key to the tenants, but a trigger that keeps them. */
const WITHOUT_KEY = [{ child: 'audit_entries', parent: 'tenants' }]

/**
 * All tables of the record, each after the ones that it refers to, so that rows can be loaded in
 * this order with every constraint in force.
 */
export async function readTables(sql: Sql): Promise<TableShape[]> {
  const tables = await sql.query<{ name: string; columns: string[]; required_json: string[] }>({
    text: `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
        coalesce(array_agg(a.attname::text) FILTER (WHERE a.attnotnull
          AND a.atttypid = 'jsonb'::regtype), '{}') AS required_json
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        AND c.relname <> ALL ($1)
      GROUP BY c.relname ORDER BY c.relname COLLATE "C"`,
    values: [LEFT_OUT],
  })
  const edges = await sql.query<{ child: string; parent: string }>({
    text: `SELECT DISTINCT c.relname AS child, p.relname AS parent
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      JOIN pg_class p ON p.oid = k.confrelid
      WHERE k.contype = 'f' AND c.oid <> p.oid AND k.connamespace = 'public'::regnamespace`,
  })
  const shapes = tables.map((row) => ({
    name: row.name,
    columns: row.columns,
    requiredJson: row.required_json,
  }))
  return parentsFirst(shapes, [...edges, ...WITHOUT_KEY])
}

function parentsFirst(
  tables: readonly TableShape[],
  edges: readonly { child: string; parent: string }[],
): TableShape[] {
  const sorted: TableShape[] = []
  const placed = new Set<string>()
  let waiting = [...tables]
  while (waiting.length > 0) {
    const isFree = ({ name }: TableShape) =>
      edges.every(({ child, parent }) => child !== name || placed.has(parent))
    const free = waiting.filter(isFree)
    if (free.length === 0)
      throw new Error('The tables of the record refer to each other in a ring.')
    for (const table of free) placed.add(table.name)
    sorted.push(...free)
    waiting = waiting.filter(({ name }) => !placed.has(name))
  }
  return sorted
}

/** A name as SQL takes it whatever it is. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
