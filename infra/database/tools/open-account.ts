import { newId } from '@chimera/contracts/ids'
import type { ToolStatus } from '@chimera/contracts/tool-control'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database } from '../open-database.ts'
import { noteBoot } from './register-boot.ts'

/**
 * Writes that a server has accepted its hello: from now on grants are made for this boot, with
 * these definitions. A server that is fenced is written as fenced.
 */
export async function openAccount(
  database: Database,
  of: { status: ToolStatus; actor: string },
): Promise<{ audit: ReturnType<AuditDraft['items']> }> {
  const { status, actor } = of
  const { boot } = status.ledger
  return database.transaction(async (tx) => {
    const draft = draftAudit()
    await tx.query({
      name: 'open-account',
      text: `UPDATE tool_accounts SET boot = $2, ledger_id = $3, definitions = $4, state = $5,
          reason = $6, seen_at = now(), version_id = $7 WHERE account = $1`,
      values: [
        status.account,
        boot,
        status.ledger.id,
        JSON.stringify(status.definitions),
        status.state,
        status.reason ?? null,
        newId(),
      ],
    })
    const opened = await tx.query({
      name: 'open-boot',
      text: `UPDATE tool_boots SET opened_at = now() WHERE boot = $1 AND opened_at IS NULL
        RETURNING boot`,
      values: [boot],
    })
    if (opened.length > 0) noteBoot(draft, status, { from: 'SEEN', to: 'OPENED' })
    await appendAudit(tx, draft, actor)
    return { audit: draft.items() }
  })
}
