import type { PolicyDocument } from '@chimera/contracts/policy/policy-document'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import type { Database } from '@chimera/infra/database/open-database'
import { applyPolicy } from '@chimera/infra/database/policies/apply-policy'
import { bringFence } from '@chimera/infra/tools/bring-fence'

import type { StopDeps } from '../stops/stop.ts'

/** What applying a policy answers; a server that is unreachable gets the fence by the Keeper. */
export type AppliedReport = Readonly<{
  policy: string
  version: number
  epoch: number
  acknowledged_at: string
  tools: readonly Readonly<{ name: string; result: 'fenced' | 'unreachable' }>[]
}>

/** A new policy is in no hurry, but who waits for the answer is. */
const FENCED_WITHIN_MS = 1_000

/**
 * Puts a version in force and answers when every tool server that can be reached holds the fence
 * that came with it: from then on nothing is claimed there that was granted by the version before.
 */
export async function applyAndFence(
  deps: StopDeps & { readonly database: Database },
  of: {
    tenantId: string
    source: string
    document: PolicyDocument
    note: string | null
    actor: string
    expected?: number | undefined
  },
): Promise<{ report: AppliedReport; audit: ReturnType<AuditDraft['items']> }> {
  const { version, fence, audit } = await applyPolicy(deps.database, of)
  const told = await bringFence({ ...deps, fence, withinMs: FENCED_WITHIN_MS })
  const report = {
    policy: `${of.document.name}@${version}`,
    version,
    epoch: told.epoch,
    acknowledged_at: told.acknowledged_at,
    tools: told.tools.map(({ name, result }) => ({ name, result })),
  }
  return { report, audit }
}
