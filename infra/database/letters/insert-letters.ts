import { DEFAULT_TENANT } from '@chimera/contracts/ids'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database } from '../open-database.ts'

/** An entry that was given up; the shape of `infra/streams` DeadLetter. */
export type NewLetter = {
  readonly id: string
  /** What the entry's envelope said; unchecked, and nothing when it said nothing usable. */
  readonly tenant: string | null
  readonly stream: string
  readonly entryId: string
  /** The first 64 KiB of the entry's fields as JSON text; bytes and hash are of the whole. */
  readonly payload: string
  readonly bytes: number
  readonly sha256: string
  readonly code: string
  readonly reason: string
  readonly history: readonly unknown[]
}

/**
 * Writes dead letters and their audit entry in one transaction. An entry that is dead already (same
 * stream, id and content) is left as it is, so that a second delivery makes no second letter.
 * Returns the ids that are new. A role that is held to its tenants writes to those that are named.
 */
export async function insertLetters(
  database: Database,
  of: { letters: readonly NewLetter[]; actor: string },
): Promise<string[]> {
  const { letters, actor } = of
  if (letters.length === 0) return []
  const named = letters.flatMap(({ tenant }) => tenant ?? [])
  const scope = { tenantIds: [...new Set([DEFAULT_TENANT, ...named])] }
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ id: string }>({
      name: 'insert-letters',
      text: `INSERT INTO dead_letters (id, tenant_id, stream, entry_id, payload, bytes, sha256,
          code, reason, history)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[],
          $7::text[], $8::text[], $9::text[], $10::jsonb[])
        ON CONFLICT (stream, entry_id, sha256) DO NOTHING
        RETURNING id`,
      values: [
        letters.map((letter) => letter.id),
        letters.map((letter) => letter.tenant),
        letters.map((letter) => letter.stream),
        letters.map((letter) => letter.entryId),
        letters.map((letter) => letter.payload),
        letters.map((letter) => letter.bytes),
        letters.map((letter) => letter.sha256),
        letters.map((letter) => letter.code),
        letters.map((letter) => letter.reason),
        letters.map((letter) => JSON.stringify(letter.history)),
      ],
    })
    const inserted = new Set(rows.map((row) => row.id))
    // In the default tenant's audit, because what the entry says of its tenant is only a claim.
    const draft = draftAudit()
    for (const { id, code } of letters) {
      if (!inserted.has(id)) continue
      draft.add(DEFAULT_TENANT, { subject: 'letter', id, from: null, to: 'DEAD', note: code })
    }
    await appendAudit(tx, draft, actor)
    return [...inserted]
  }, scope)
}
