import pg from 'pg'

/** A section of the dump: a query that gives the lines of its `definition` column, in order. */
const SECTIONS = {
  tables: `SELECT 'CREATE TABLE ' || c.relname || E' (\\n' || string_agg(
      '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''), E',\\n' ORDER BY a.attnum)
      || E'\\n)' || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') || ';'
      AS definition
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    GROUP BY c.oid, c.relname, c.reloptions
    ORDER BY c.relname COLLATE "C"`,
  // NOT NULL stands with its column; from PostgreSQL 18 on the catalog lists it here, too.
  constraints: `SELECT 'ALTER TABLE ' || t.relname || ' ADD CONSTRAINT ' || c.conname || ' '
      || pg_get_constraintdef(c.oid) || ';' AS definition
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE c.connamespace = 'public'::regnamespace AND c.contype <> 'n'
    ORDER BY t.relname COLLATE "C", c.contype DESC, c.conname COLLATE "C"`,
  indexes: `SELECT pg_get_indexdef(i.indexrelid) || ';' AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid
        AND k.contype IN ('p', 'u', 'x'))
    ORDER BY t.relname COLLATE "C", c.relname COLLATE "C"`,
  views: `SELECT 'CREATE VIEW ' || c.relname || E' AS\\n' || pg_get_viewdef(c.oid) AS definition
    FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace
    ORDER BY c.relname COLLATE "C"`,
  functions: `SELECT trim(trailing E'\\n' FROM pg_get_functiondef(p.oid)) || ';' AS definition
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"`,
  triggers: `SELECT pg_get_triggerdef(g.oid) || ';' AS definition
    FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid
    WHERE NOT g.tgisinternal AND t.relnamespace = 'public'::regnamespace
    ORDER BY t.relname COLLATE "C", g.tgname COLLATE "C"`,
  // The owner's own policy names whoever migrated, and is left out.
  policies: `SELECT 'CREATE POLICY ' || p.polname || ' ON ' || t.relname
      || CASE p.polcmd WHEN 'a' THEN ' FOR INSERT' ELSE '' END || ' TO '
      || (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
        WHERE r.oid = ANY (p.polroles))
      || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
      || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') || ';'
      || CASE WHEN t.relforcerowsecurity THEN ' -- forced' ELSE '' END AS definition
    FROM pg_policy p JOIN pg_class t ON t.oid = p.polrelid
    WHERE t.relnamespace = 'public'::regnamespace AND p.polname <> 'owner'
    ORDER BY t.relname COLLATE "C", p.polname COLLATE "C"`,
}

const HEAD = `-- What the migrations make of an empty database, for reading and review. Written by
-- \`chimera database dump-schema\`; a test fails when it drifts. Not to be run.
`

/**
 * The schema of a database as text, from its catalog: tables with their columns, constraints,
 * indexes, views, functions, triggers and policies, each in order of their names. The same schema
 * gives the same text.
 */
export async function dumpSchema(of: { databaseUrl: string }): Promise<string> {
  const client = new pg.Client({
    connectionString: of.databaseUrl,
    application_name: 'chimera-dump-schema',
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => undefined)
  await client.connect()
  try {
    // Names of the house's own are written without their schema.
    await client.query(`SET search_path = public`)
    const parts = [HEAD]
    for (const [section, query] of Object.entries(SECTIONS)) {
      const { rows } = await client.query<{ definition: string }>(query)
      const separator = ['tables', 'views', 'functions'].includes(section) ? '\n\n' : '\n'
      parts.push(`-- ${section}\n`, `${rows.map((row) => row.definition).join(separator)}\n`)
    }
    return parts.join('\n')
  } finally {
    await client.end()
  }
}
