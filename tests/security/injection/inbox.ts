/** The person of the injection rig, who finds what waits and approves it. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { ApprovalView } from '@chimera/contracts/judging/approval'
import { decide } from '@chimera/gateway/approvals/decide'
import { listApprovals } from '@chimera/infra/database/approvals/list-approvals'
import type { Database } from '@chimera/infra/database/open-database'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { findPrincipal, type Principal } from '@chimera/infra/database/tokens/find-principal'
import type { Publisher } from '@chimera/infra/streams/publisher'

import { allSettled } from './post-cases.ts'

export type Inbox = Readonly<{
  /** What a goal waits for, as a person finds it. */
  inbox: (goalId: string) => Promise<ApprovalView[]>
  /** A person approves requests; returns when their goals have ended. */
  approve: (approvals: readonly ApprovalView[]) => Promise<void>
}>

export const openInbox = (database: Database, publisher: Publisher): Inbox => ({
  inbox: async (goalId) =>
    (await listApprovals(database, { tenantId: DEFAULT_TENANT, goalId, limit: 10 })).approvals,
  approve: async (approvals) => {
    const principal = await openPerson(database)
    for (const { id } of approvals) {
      const said = await decide(database, { principal, id, decision: { decision: 'approve' } })
      await publisher.publish(
        said.rings.map((payload) => ({
          stream: 'chimera:results' as const,
          payload,
          tenant: DEFAULT_TENANT,
        })),
      )
    }
    const goals = approvals.map(({ goal_id: id }) => id)
    await allSettled(database, publisher, goals)
  },
})

async function openPerson(database: Database): Promise<Principal> {
  const { secret } = await createToken(database, {
    tenantId: DEFAULT_TENANT,
    name: `approver-${newId()}`,
    scopes: [],
    roles: ['approver'],
    actor: 'test',
  })
  const principal = await findPrincipal(database, secret)
  if (principal === undefined) throw new Error('The token is not known.')
  return principal
}
