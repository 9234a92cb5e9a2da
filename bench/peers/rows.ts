/** The row of each job of a queue that has none itself: its last step moves it, as ours does. */
import pg from 'pg'

export type Rows = Readonly<{
  insert: (intents: readonly string[]) => Promise<void>
  /** One UPDATE, in a transaction of its own. */
  move: (intent: string) => Promise<void>
  close: () => Promise<void>
}>

/** As many as keep the commits of a burst going side by side. */
const CONNECTIONS = 10

export async function openRows(databaseUrl: string): Promise<Rows> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS })
  await pool.query(
    `CREATE TABLE IF NOT EXISTS job_rows (id text PRIMARY KEY, version int NOT NULL,
      status text NOT NULL) WITH (fillfactor = 80)`,
  )
  return {
    insert: async (intents) => {
      const text = `INSERT INTO job_rows SELECT id, 1, 'PENDING' FROM unnest($1::text[]) AS u(id)`
      await pool.query(text, [intents])
    },
    move: async (intent) => {
      await pool.query({
        name: 'move',
        text: `UPDATE job_rows SET version = 2, status = 'COMPLETED' WHERE id = $1 AND version = 1`,
        values: [intent],
      })
    },
    close: () => pool.end(),
  }
}
