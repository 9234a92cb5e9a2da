import type { Sql } from '../open-database.ts'

/**
 * Throws away the hello of a boot, so that the Judge signs one of now: for a server whose clock
 * jumped. Another hello than the given one stays.
 */
export async function dropHello(sql: Sql, of: { boot: string; hello: string }): Promise<void> {
  await sql.query({
    name: 'drop-hello',
    text: 'UPDATE tool_boots SET hello = NULL WHERE boot = $1 AND hello = $2',
    values: [of.boot, of.hello],
  })
}
