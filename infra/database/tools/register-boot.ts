import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { ToolStatus } from '@chimera/contracts/tool-control'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database } from '../open-database.ts'

/** Registers a boot as its server stated it; a boot that is known stays as it is. */
export async function registerBoot(
  database: Database,
  of: { status: ToolStatus; actor: string },
): Promise<{ audit: ReturnType<AuditDraft['items']> }> {
  const { status, actor } = of
  return database.transaction(async (tx) => {
    const draft = draftAudit()
    const rows = await tx.query({
      name: 'register-boot',
      text: `INSERT INTO tool_boots (boot, account, ledger_id, seq, status)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (boot) DO NOTHING RETURNING boot`,
      values: [
        status.ledger.boot,
        status.account,
        status.ledger.id,
        status.ledger.seq,
        JSON.stringify(status),
      ],
    })
    if (rows.length > 0) noteBoot(draft, status, { from: null, to: 'SEEN' })
    await appendAudit(tx, draft, actor)
    return { audit: draft.items() }
  })
}

/** An outside account may serve several tenants; its server belongs to the house. */
export function noteBoot(
  draft: AuditDraft,
  status: ToolStatus,
  move: { from: string | null; to: string },
): void {
  const note = `${status.account}, ledger ${status.ledger.id}, seq ${status.ledger.seq}`
  draft.add(DEFAULT_TENANT, { subject: 'boot', id: status.ledger.boot, ...move, note })
}
