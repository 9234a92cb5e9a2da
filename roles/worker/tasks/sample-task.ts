/** A task as a claim returns it; for tests alone. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'

/** The first attempt of an owner's task, with what a test says of it. */
export const sampleTask = (over: Partial<ClaimedTask> = {}): ClaimedTask => ({
  id: newId(),
  tenantId: DEFAULT_TENANT,
  goalId: 'g1',
  agentId: 'default',
  type: 'RESEARCH',
  kind: 'noop',
  versionId: newId(),
  attempt: 1,
  retries: 0,
  leasesLost: 0,
  mode: 'paper',
  trust: 'owner',
  feedback: null,
  payload: {},
  constraints: {},
  didWait: false,
  ...over,
})
