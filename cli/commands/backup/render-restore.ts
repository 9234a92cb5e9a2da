import type { RestoreReport } from '@chimera/infra/backup/restore-report'

import { renderTable } from '../../terminal-table.ts'
import { plain } from '../../terminal-text.ts'

/** What a restore did and what is left to do, for a person. */
export function renderRestore(report: RestoreReport, keptAs: string): string[] {
  const rows = Object.values(report.rows).reduce((sum, n) => sum + n, 0)
  const lines = [
    `Restored the record of ${report.backup_taken_at} (${rows} rows). It is stopped.`,
    `  incarnation ${report.incarnation}, fence ${report.fence.scope} at ${report.fence.epoch}`,
    `  the database of before is kept as ${keptAs}; when it is not needed any more:`,
    `  DROP DATABASE ${keptAs}`,
    '',
    ...renderTable(
      ['account', 'ledger', 'entries', 'settled', 'adopted', 'made', 'needs a person'],
      report.accounts.map((one) => [
        one.account,
        one.ledger,
        one.imported.entries,
        one.imported.settled,
        one.imported.adopted,
        one.imported.made,
        one.needs_human,
      ]),
    ),
  ]
  for (const { account, reason, moved_aside: aside, differs } of report.accounts) {
    if (reason !== null) lines.push(`  ${account}: record and ledger both rolled back: ${reason}`)
    if (aside !== null) lines.push(`  ${account}: the ledger of before lies at ${aside}`)
    for (const one of differs)
      lines.push(`  ${account}: ${plain(one.effect_key)} round ${one.round}: ${plain(one.why)}`)
  }
  if (report.goals_ended.length > 0)
    lines.push(`  ended unplanned: ${report.goals_ended.map(plain).join(', ')}`)
  const raised = report.budgets.filter((budget) => budget.over_cap)
  for (const { scope, scope_id: id, spent, reserved } of raised)
    lines.push(`  the cap of ${scope} ${plain(id)} is exceeded: ${spent} + ${reserved}`)
  return [...lines, '', 'Now:', ...report.todo.map((step, n) => `  ${n + 1}. ${plain(step)}`)]
}
