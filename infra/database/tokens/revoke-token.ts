import { appendAudit, draftAudit } from '../append-audit.ts'
import { fenceResting } from '../approvals/fence-resting.ts'
import type { Fence } from '../fences/fence.ts'
import type { Database } from '../open-database.ts'

/**
 * Revokes tokens by id or by name; the next request with one of them is refused. Answers the ids
 * that were valid until now; none when nothing of that id or name was. `fence`: grants that are out
 * rest on a word that was given with one of them; the caller brings it to the tool servers.
 */
export async function revokeToken(
  database: Database,
  of: { tenantId: string; idOrName: string; actor: string },
): Promise<{ ids: string[]; fence: Fence | undefined }> {
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ id: string; name: string }>({
      text: `UPDATE api_tokens SET revoked_at = now()
        WHERE tenant_id = $1 AND (id::text = lower($2) OR name = $2) AND revoked_at IS NULL
        RETURNING id, name`,
      values: [of.tenantId, of.idOrName],
    })
    const draft = draftAudit()
    for (const { id, name } of rows) {
      draft.add(of.tenantId, {
        subject: 'token',
        id,
        from: 'CREATED',
        to: 'REVOKED',
        note: name,
      })
    }
    const ids = rows.map(({ id }) => id)
    const { tenantId, actor } = of
    const fence = await fenceResting(tx, { tenantId, removed: { tokenIds: ids }, actor })
    await appendAudit(tx, draft, actor)
    return { ids, fence }
  })
}
