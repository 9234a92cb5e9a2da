import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'
import { type BudgetScope, type Counter, counterKey } from './budget-line.ts'
import { wakeForBudget } from './settle-budgets.ts'

export type CapToSet = {
  readonly tenantId: string
  readonly scope: BudgetScope
  /** `*`: each of the scope that has none of its own. */
  readonly scopeId: string
  readonly modes: readonly ('paper' | 'live')[]
  readonly asset: string
  /** Base units; `none` lifts every cap, `default` takes this one away. */
  readonly cap: bigint | 'none' | 'default'
  readonly actor: string
}

/** Pages of waiting tasks that one change wakes; the rest is looked at at midnight. */
const MAX_WAKES = 50

/**
 * Sets caps. When this returns, whatever is granted from now on is granted by them; what is spent
 * or reserved already stays, also above the cap. Answers what was noted, and the tasks that waited
 * for room and are due now.
 */
export async function setCap(
  database: Database,
  of: CapToSet,
): Promise<{ audit: ReturnType<AuditDraft['items']>; woken: string[] }> {
  const audit = draftAudit()
  const counters = await database.transaction(async (tx) => {
    for (const mode of of.modes) await write(tx, of, mode, audit)
    await appendAudit(tx, audit, of.actor)
    return findCounters(tx, of)
  })
  await wakePutOff(database, counters)
  const woken: string[] = []
  for (let page = 0; page < MAX_WAKES; page += 1) {
    const ids = await wakeForBudget(database, counters)
    woken.push(...ids)
    if (ids.length === 0) break
  }
  return { audit: audit.items(), woken }
}

async function write(
  tx: Sql,
  { tenantId, scope, scopeId, asset, cap }: CapToSet,
  mode: 'paper' | 'live',
  audit: AuditDraft,
): Promise<void> {
  const per = scope === 'goal' ? 'ever' : 'day'
  const key = [tenantId, scope, scopeId, mode, asset, per]
  const [before] = await tx.query<{ cap: string | null }>({
    text: `SELECT cap FROM budget_caps
      WHERE (tenant_id, scope, scope_id, mode, asset, per) = ($1, $2, $3, $4, $5, $6) FOR UPDATE`,
    values: key,
  })
  if (cap === 'default') {
    await tx.query({
      text: `DELETE FROM budget_caps
        WHERE (tenant_id, scope, scope_id, mode, asset, per) = ($1, $2, $3, $4, $5, $6)`,
      values: key,
    })
  } else {
    await tx.query({
      text: `INSERT INTO budget_caps
          (tenant_id, scope, scope_id, mode, asset, per, cap, version_id, audit_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id, scope, scope_id, mode, asset, per) DO UPDATE
          SET cap = excluded.cap, version_id = excluded.version_id,
            changed_at = now(), audit_id = excluded.audit_id`,
      values: [...key, cap === 'none' ? null : cap.toString(), newId(), audit.idFor(tenantId)],
    })
  }
  // Another cap is another 80 %.
  await tx.query({
    text: `UPDATE budgets SET warned_at = NULL, exhausted_at = NULL
      WHERE tenant_id = $1 AND scope = $2 AND ($3 = '*' OR scope_id = $3) AND mode = $4
        AND asset = $5 AND day IN ((now() AT TIME ZONE 'UTC')::date, 'epoch')
        AND num_nonnulls(warned_at, exhausted_at) > 0`,
    values: key.slice(0, 5),
  })
  audit.add(tenantId, {
    subject: 'budget',
    id: `${scope}:${scopeId} ${mode} ${asset}`,
    from: before === undefined ? 'default' : capState(before.cap),
    to: typeof cap === 'bigint' ? 'capped' : cap === 'none' ? 'uncapped' : 'default',
    note: `${before?.cap ?? 'nothing'} -> ${cap} base units a ${per}`,
  })
}

const capState = (cap: string | null): string => (cap === null ? 'uncapped' : 'capped')

/** Counters that the new cap is for, as tasks name them that wait. */
async function findCounters(tx: Sql, of: CapToSet): Promise<Counter[]> {
  const { tenantId, scope, scopeId, modes, asset } = of
  const rows = await tx.query<{ scope_id: string; mode: 'paper' | 'live' }>({
    text: `SELECT DISTINCT scope_id, mode FROM budgets
      WHERE tenant_id = $1 AND scope = $2 AND ($3 = '*' OR scope_id = $3) AND asset = $4
        AND mode = ANY($5::text[]) AND day = (now() AT TIME ZONE 'UTC')::date`,
    values: [tenantId, scope, scopeId, asset, modes],
  })
  return rows.map((row) => ({ tenantId, scope, scopeId: row.scope_id, mode: row.mode, asset }))
}

/** What a Planner put off may run now; the Keeper rings it. */
async function wakePutOff(sql: Sql, counters: readonly Counter[]): Promise<void> {
  await sql.query({
    text: `UPDATE tasks SET run_at = now(), waits_for = NULL, waiting_on = NULL,
        version_id = new_version()
      WHERE phase = 'ready' AND waits_for = ANY($1::text[])`,
    values: [counters.map((counter) => counterKey(counter))],
  })
}
