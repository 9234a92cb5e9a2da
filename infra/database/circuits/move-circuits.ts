import { TerminalError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { CircuitMove, CircuitVerb, TierView } from '@chimera/contracts/models/router-view'

import { closedBy, heldOpen } from '../../llm/circuits/circuit.ts'
import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database } from '../open-database.ts'
import { writeCircuit } from './circuit-row.ts'
import { listTiers } from './list-tiers.ts'

/**
 * Moves the circuits of a tier, or all of them, on a person's word; with it an audit entry of the
 * house. Calls that are on their way are not called back. Throws CIRCUIT_NOT_FOUND.
 */
export async function moveCircuits(
  database: Database,
  of: CircuitMove & { verb: CircuitVerb; actor: string },
): Promise<{ tiers: TierView[]; audit: ReturnType<AuditDraft['items']> }> {
  const { verb, tier, reason, actor } = of
  const audit = draftAudit()
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ id: string; state: string }>({
      text: `SELECT id, state FROM model_circuits WHERE $1::text IS NULL OR name = $1
        ORDER BY id FOR UPDATE`,
      values: [tier ?? null],
    })
    if (rows.length === 0) {
      const named = tier === undefined ? 'a tier' : `a tier ${tier}`
      const message = `No process has ${named}; chimera router status lists those that there are.`
      throw new TerminalError('CIRCUIT_NOT_FOUND', message)
    }
    const moved = verb === 'open' ? heldOpen(reason, actor) : closedBy(actor)
    for (const { id, state } of rows) {
      await writeCircuit(tx, id, moved)
      audit.add(DEFAULT_TENANT, {
        subject: 'circuit',
        id: id.slice(0, 200),
        from: state,
        to: verb === 'reset' ? 'reset' : moved.state,
        note: reason,
      })
    }
    if (verb === 'reset') {
      const ids = rows.map(({ id }) => id)
      await tx.query({
        text: 'DELETE FROM provider_metrics WHERE circuit = ANY ($1)',
        values: [ids],
      })
    }
    await appendAudit(tx, audit, actor)
    return { tiers: await listTiers(tx, tier), audit: audit.items() }
  })
}
