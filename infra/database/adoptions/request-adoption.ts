import { InvariantError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database } from '../open-database.ts'
import { adoptionOf, ADOPTION_COLUMNS, type AdoptionRow, type AdoptionView } from './adoption.ts'

/**
 * Asks for the record's knowledge to be written into the ledger of an account; one that is under
 * way is answered again. Nothing for an account that is not known.
 */
export async function requestAdoption(
  database: Database,
  of: { account: string; actor: string; tenantId: string },
): Promise<{ adoption: AdoptionView; audit: ReturnType<AuditDraft['items']> } | undefined> {
  return database.transaction(async (tx) => {
    const [account] = await tx.query<{ boot: string | null }>({
      text: `SELECT (SELECT boot FROM tool_boots b WHERE b.account = a.account
          ORDER BY registered_at DESC LIMIT 1) AS boot
        FROM tool_accounts a WHERE a.account = $1 FOR UPDATE OF a`,
      values: [of.account],
    })
    if (account === undefined) return undefined
    const [underWay] = await tx.query<AdoptionRow>({
      text: `SELECT ${ADOPTION_COLUMNS} FROM tool_adoptions
        WHERE account = $1 AND done_at IS NULL`,
      values: [of.account],
    })
    if (underWay !== undefined) return { adoption: adoptionOf(underWay), audit: [] }
    const [row] = await tx.query<AdoptionRow>({
      text: `INSERT INTO tool_adoptions (id, account, actor) VALUES ($1, $2, $3)
        RETURNING ${ADOPTION_COLUMNS}`,
      values: [newId(), of.account, of.actor],
    })
    if (row === undefined) throw new InvariantError('The adoption was not written.')
    const draft = draftAudit()
    draft.add(of.tenantId, {
      subject: 'boot',
      id: account.boot ?? of.account,
      from: null,
      to: 'ADOPTING',
      note: of.account,
    })
    await appendAudit(tx, draft, of.actor)
    return { adoption: adoptionOf(row), audit: draft.items() }
  })
}
