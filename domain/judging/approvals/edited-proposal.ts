import { canonicalHash } from '@chimera/contracts/canonical'
import type { ProposedEffect } from '@chimera/contracts/effect'
import { MAX_EDITS } from '@chimera/contracts/judging/approval'

import type { Edit } from '../provenance.ts'
import type { Approval } from './approval.ts'

/**
 * What people made of a proposal: an edit supersedes the original everywhere, in later rounds and
 * attempts of its slot too. Nothing was edited: the proposal itself.
 */
export function editedProposal(
  effect: ProposedEffect,
  of: { key: string; approvals: readonly Approval[] },
): ProposedEffect {
  const ofSlot = of.approvals.filter(({ key }) => key === of.key)
  const argsHash = canonicalHash(effect.args)
  let at = ofSlot.findLast((one) => one.state === 'EDITED' && one.argsHash === argsHash)
  for (let edits = 0; edits < MAX_EDITS && at?.state === 'EDITED'; edits += 1) {
    const next: string | null = at.supersededBy
    at = ofSlot.find(({ id }) => id === next)
  }
  return at === undefined ? effect : { ...effect, args: at.args, provenance: at.provenance }
}

/** What people changed, for pointers that lead to their words. */
export function editsOf(approvals: readonly Approval[]): ReadonlyMap<string, Edit> {
  const byId = new Map(approvals.map((one) => [one.id, one]))
  const edits = new Map<string, Edit>()
  for (const { id, args, provenance, supersededBy } of approvals) {
    const next = supersededBy === null ? undefined : byId.get(supersededBy)
    if (next !== undefined) edits.set(id, { was: { args, provenance }, args: next.args })
  }
  return edits
}
