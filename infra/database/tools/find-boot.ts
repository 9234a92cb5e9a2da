import type { Sql } from '../open-database.ts'

/** A boot that the record has seen. */
export type SeenBoot = { account: string; ledgerId: string; hello: string | null }

/** Looks a boot up, with its hello if the Judge has signed one. */
export async function findBoot(sql: Sql, boot: string): Promise<SeenBoot | undefined> {
  const [row] = await sql.query<SeenBoot>({
    name: 'find-boot',
    text: 'SELECT account, ledger_id AS "ledgerId", hello FROM tool_boots WHERE boot = $1',
    values: [boot],
  })
  return row
}
