import {
  APPROVAL_CHECKS,
  type ApprovalCheck,
} from '@chimera/domain/judging/approvals/approval-checks'
import { holdApprovals } from '@chimera/infra/database/approvals/hold-approvals'

/** What a person's word has to be to count: when it is judged, and in the granting transaction. */
export type ApprovalRules = {
  readonly checks: readonly ApprovalCheck[]
  readonly hold: typeof holdApprovals
}

/** All of them; compositions of tests leave some out. */
export const APPROVAL_RULES: ApprovalRules = { checks: APPROVAL_CHECKS, hold: holdApprovals }
