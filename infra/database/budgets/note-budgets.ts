import type { AuditDraft } from '../append-audit.ts'
import type { Reserved } from './reserve-budgets.ts'

/**
 * Writes down what people have to hear of budgets: 80 % of a cap is used, or something was refused
 * for the first time.
 */
export function noteBudgets(audit: AuditDraft, notices: Reserved['notices']): void {
  for (const { kind, tenantId, scope, scopeId, mode, asset, cap, used } of notices) {
    audit.add(tenantId, {
      subject: 'budget',
      id: `${scope}:${scopeId} ${mode} ${asset}`,
      from: null,
      to: kind,
      note: `${used} of ${cap} base units`,
    })
  }
}
