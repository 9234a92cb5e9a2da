import { randomUUID } from 'node:crypto'

import type { Database } from '@chimera/infra/database/open-database'

const BATCH = 500

/**
 * Rows a second that one connection moves by compare-and-set, one statement and one transaction
 * for 500 of them: what is left of the record when each task has one row that moves once.
 */
export async function measureRawCommit(of: { database: Database; rows: number }): Promise<number> {
  const { database, rows } = of
  await database.query({ text: 'DROP SCHEMA IF EXISTS raw CASCADE' })
  await database.query({ text: 'CREATE SCHEMA raw' })
  await database.query({
    text: `CREATE TABLE raw.moved (id uuid PRIMARY KEY, version_id uuid NOT NULL,
      status text NOT NULL) WITH (fillfactor = 80)`,
  })
  const ids = Array.from({ length: rows }, () => randomUUID())
  await database.query({
    text: `INSERT INTO raw.moved SELECT id, id, 'PENDING' FROM unnest($1::uuid[]) AS u(id)`,
    values: [ids],
  })
  const began = performance.now()
  for (let from = 0; from < rows; from += BATCH) {
    const batch = ids.slice(from, from + BATCH)
    await database.query({
      name: 'raw-commit',
      text: `UPDATE raw.moved m SET version_id = u.fresh, status = 'COMPLETED'
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u(id, version_id, fresh)
        WHERE m.id = u.id AND m.version_id = u.version_id RETURNING m.id`,
      values: [batch, batch, batch.map(() => randomUUID())],
    })
  }
  return rows / ((performance.now() - began) / 1000)
}
