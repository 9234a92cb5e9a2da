import { newId } from '@chimera/contracts/ids'

import type { Sql } from '../open-database.ts'

/**
 * Writes that a server is closed or not to be reached, so that nothing is granted for it. Answers
 * whether that was news.
 */
export async function closeAccount(
  sql: Sql,
  of: { account: string; reason: string },
): Promise<boolean> {
  const rows = await sql.query({
    name: 'close-account',
    text: `UPDATE tool_accounts SET state = 'closed', reason = $2, version_id = $3
      WHERE account = $1 AND (state <> 'closed' OR reason IS DISTINCT FROM $2) RETURNING account`,
    values: [of.account, of.reason, newId()],
  })
  return rows.length > 0
}
