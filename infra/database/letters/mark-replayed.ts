import { DEFAULT_TENANT } from '@chimera/contracts/ids'

import { appendAudit, draftAudit } from '../append-audit.ts'
import type { Database } from '../open-database.ts'

/**
 * Marks letters as replayed, with their audit entry. Returns the ids that were marked now; the
 * others were replayed before or do not exist. To be called before the entries are published again:
 * a crash in between leaves a letter that says so, never an entry that is played twice unnoticed.
 */
export async function markReplayed(
  database: Database,
  of: { ids: readonly string[]; actor: string },
): Promise<string[]> {
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ id: string }>({
      text: `UPDATE dead_letters SET replayed_at = now()
        WHERE id = ANY ($1::uuid[]) AND replayed_at IS NULL RETURNING id`,
      values: [of.ids],
    })
    const draft = draftAudit()
    for (const { id } of rows) {
      draft.add(DEFAULT_TENANT, { subject: 'letter', id, from: 'DEAD', to: 'REPLAYED' })
    }
    await appendAudit(tx, draft, of.actor)
    return rows.map((row) => row.id)
  })
}
