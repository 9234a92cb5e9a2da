import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { dumpSchema } from '@chimera/infra/database/dump-schema'
import { migrate, readMigrationStatus } from '@chimera/infra/database/migrate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openEmptyDatabase, openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'
import { CHECKOUT, isNode, parseSource, walk } from '../source-tree.ts'

const DATABASE_FOLDER = join(CHECKOUT, 'infra/database')
const log = () => {}

describe('migrate', () => {
  test('run twice at once applies every file once and both runs end well', async () => {
    await using database = await openEmptyDatabase()
    const { databaseUrl } = database
    const runs = await Promise.all([
      migrate({ databaseUrl, log }),
      migrate({ databaseUrl, log }),
      migrate({ databaseUrl, log }),
    ])
    const names = readdirSync(join(DATABASE_FOLDER, 'migrations')).map((f) => f.slice(0, -4))
    expect(runs.flatMap((run) => run.applied)).toEqual(names.toSorted())
    expect(runs.map((run) => run.version)).toEqual([names.length, names.length, names.length])
    expect((await migrate({ databaseUrl, log })).applied).toEqual([])
    expect(await readMigrationStatus({ databaseUrl })).toEqual({
      version: names.length,
      newest: names.length,
      pending: [],
    })
  })

  test('refuses a file that was changed after it was applied', async () => {
    await using database = await openEmptyDatabase()
    using folder = copyOfMigrations()
    await migrate({ ...database, log, folder: folder.path })
    const [first = ''] = readdirSync(folder.path)
    const file = join(folder.path, first)
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n-- one more word`)
    await expect(migrate({ ...database, log, folder: folder.path })).rejects.toThrow(
      /0001-record is applied and has been changed/,
    )
  })

  test('refuses a database that is newer than the code', async () => {
    await using database = await openEmptyDatabase()
    using folder = copyOfMigrations()
    const next = readdirSync(folder.path).length + 1
    const name = `${String(next).padStart(4, '0')}-later.sql`
    writeFileSync(join(folder.path, name), 'CREATE TABLE later (id int)')
    await migrate({ ...database, log, folder: folder.path })
    await expect(migrate({ ...database, log })).rejects.toThrow(/run the newer code/)
  })

  test('leaves nothing of a file that fails in the middle', async () => {
    await using database = await openEmptyDatabase()
    using folder = copyOfMigrations()
    const next = readdirSync(folder.path).length + 1
    const file = join(folder.path, `${String(next).padStart(4, '0')}-broken.sql`)
    writeFileSync(file, 'CREATE TABLE half (id int); SELECT 1 / 0;')
    await expect(migrate({ ...database, log, folder: folder.path })).rejects.toThrow(
      /failed and changed nothing: division by zero/,
    )
    expect(await tableNames(database)).not.toContain('half')
    writeFileSync(file, 'CREATE TABLE half (id int)')
    expect((await migrate({ ...database, log, folder: folder.path })).version).toBe(next)
  })

  test('refuses a gap in the numbers', async () => {
    await using database = await openEmptyDatabase()
    using folder = copyOfMigrations()
    writeFileSync(join(folder.path, '0099-far.sql'), 'SELECT 1')
    await expect(migrate({ ...database, log, folder: folder.path })).rejects.toThrow(/no gaps/)
  })
})

describe('the schema', () => {
  let database: FreshDatabase
  beforeAll(async () => {
    database = await openFreshDatabase()
  })
  afterAll(async () => {
    await database[Symbol.asyncDispose]()
  })

  test('schema.sql is what the migrations make (see chimera database dump-schema)', async () => {
    const dump = await dumpSchema(database)
    expect(dump).toBe(readFileSync(join(DATABASE_FOLDER, 'schema.sql'), 'utf8'))
    expect(await dumpSchema(database)).toBe(dump)
  })

  test('a column that only the database has shows in the dump', async () => {
    await using other = await openFreshDatabase()
    await other.query({ text: 'ALTER TABLE goals ADD COLUMN forgotten int' })
    expect(await dumpSchema(other)).not.toBe(await dumpSchema(database))
  })

  test('tables.ts says of every column what the catalog says', async () => {
    expect(readTables()).toEqual(await tablesOfCatalog(database))
  })
})

/** Table -> column -> type, as tables.ts writes it. */
type Columns = Record<string, Record<string, string>>

/** The words of tables.ts for the types of PostgreSQL. */
const WORDS: Record<string, string> = {
  text: 'string',
  uuid: 'string',
  _text: 'string[]',
  _uuid: 'string[]',
  int4: 'number',
  float8: 'number',
  int8: 'Digits',
  numeric: 'Digits',
  bool: 'boolean',
  jsonb: 'Json',
  timestamptz: 'Time',
  date: 'Day',
  bytea: 'Buffer',
  tsvector: 'string',
}

async function tablesOfCatalog(database: FreshDatabase): Promise<Columns> {
  const rows = await database.query({
    text: `SELECT table_name, column_name, udt_name,
      is_nullable = 'YES' AS nullable, column_default IS NOT NULL AS has_default
    FROM information_schema.columns JOIN information_schema.tables t
      USING (table_schema, table_name)
    WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE'`,
  })
  const tables: Columns = {}
  for (const row of rows) {
    const word = WORDS[String(row['udt_name'])] ?? `no word for ${String(row['udt_name'])}`
    const type = row['nullable'] === true ? `${word} | null` : word
    const columns = (tables[String(row['table_name'])] ??= {})
    columns[String(row['column_name'])] = row['has_default'] === true ? `Generated<${type}>` : type
  }
  return tables
}

function readTables(): Columns {
  const types: Columns = {}
  const names = [
    'tables',
    'effect-tables',
    'tool-tables',
    'tenancy-tables',
    'policy-tables',
    'approval-tables',
    'budget-tables',
    'house-tables',
    'memory-tables',
    'model-tables',
  ]
  for (const name of names) readTypes(`infra/database/${name}.ts`, types)
  const tables: Columns = {}
  for (const [table, type] of Object.entries(types['Tables'] ?? {}))
    tables[table] = types[type] ?? {}
  return tables
}

function readTypes(path: string, types: Columns): void {
  const source = parseSource({ path, text: readFileSync(join(CHECKOUT, path), 'utf8') })
  walk(source.program, (node) => {
    if (node.type !== 'TSTypeAliasDeclaration' || !isNode(node['id'])) return
    const columns: Record<string, string> = {}
    walk(node, (member) => {
      if (member.type !== 'TSPropertySignature') return
      const [name = '', type = ''] = source.text.slice(member.start, member.end).split(/:\s*/)
      columns[name] = type
    })
    types[source.text.slice(node['id'].start, node['id'].end)] = columns
  })
}

async function tableNames(database: FreshDatabase): Promise<string[]> {
  const rows = await database.query({
    text: `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`,
  })
  return rows.map((row) => String(row['tablename']))
}

function copyOfMigrations(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'chimera-migrations-'))
  const folder = join(DATABASE_FOLDER, 'migrations')
  for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(path, file))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}
