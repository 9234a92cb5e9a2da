import { newId } from '@chimera/contracts/ids'

import type { Sql } from '../open-database.ts'

/** A tool server's signed word, as it was carried. */
export type CarriedReceipt = Readonly<{ grantId: string; jws: string }>

/**
 * Puts receipts into the Judge's inbox and returns the ids of their rows, in order. Nothing is
 * believed yet: the Judge verifies. A receipt that is carried twice makes two rows, and the
 * second settles nothing.
 */
export async function commitReceipts(
  sql: Sql,
  of: { receipts: readonly CarriedReceipt[]; carriedBy: string },
): Promise<string[]> {
  const { receipts } = of
  if (receipts.length === 0) return []
  const ids = receipts.map(() => newId())
  await sql.query({
    name: 'commit-receipts',
    text: `INSERT INTO receipts (id, grant_id, jws, carried_by)
      SELECT id, grant_id, jws, $4
      FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS r(id, grant_id, jws)`,
    values: [ids, receipts.map((r) => r.grantId), receipts.map((r) => r.jws), of.carriedBy],
  })
  return ids
}
