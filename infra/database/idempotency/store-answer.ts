import type { Sql } from '../open-database.ts'
import type { KeyScope } from './idempotency-key.ts'
import type { StoredAnswer } from './take-key.ts'

/** Stores the answer in the transaction of what it answers; `takeKey` took the key before. */
export async function storeAnswer(
  tx: Sql,
  of: KeyScope & StoredAnswer & { bodyHash: string },
): Promise<void> {
  await tx.query({
    name: 'store-idempotent-answer',
    text: `INSERT INTO idempotency_keys
        (tenant_id, principal, route, key, body_hash, status, response)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      of.tenantId,
      of.principal,
      of.route,
      of.key,
      of.bodyHash,
      of.status,
      JSON.stringify(of.response),
    ],
  })
}
