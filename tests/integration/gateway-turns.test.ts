import { DEFAULT_AGENT, DEFAULT_TENANT } from '@chimera/contracts/ids'
import { letWait } from '@chimera/infra/database/tasks/let-wait'
import { listTurns } from '@chimera/infra/database/tasks/list-turns'
import { expect, test } from 'vitest'

import { openGatewayRig, problemIn } from './gateway-rig.ts'
import { noops, readyTasks } from './worker-rig.ts'

test('goals of an agent with too much waiting are refused, and told what to do', async () => {
  await using rig = await openGatewayRig({ mostQueued: 3 })
  const early = { id: 'early', text: 'generic: early' }
  expect((await rig.post('/v1/goals', early)).status).toBe(201)
  const ids = await readyTasks(rig.database, noops(3))
  await letWait(rig.database, {
    tasks: ids.map((id) => ({ id, headStartMs: 0 })),
    caps: { agent: 1_000, tenant: 10_000 },
  })
  expect(await listTurns(rig.database)).toMatchObject([
    { tenant_id: DEFAULT_TENANT, agent_id: DEFAULT_AGENT, waiting: 3, in_flight: 0 },
  ])
  // The count of a moment ago holds for a while.
  const refused = await expect
    .poll(() => rig.post('/v1/goals', { text: 'generic: late' }), { timeout: 10_000 })
    .toMatchObject({ status: 429 })
    .then(() => rig.post('/v1/goals', { id: 'late', text: 'generic: late' }))
  expect(refused.headers.get('retry-after')).toBe('5')
  expect(await problemIn(refused)).toMatchObject({
    code: 'RATE_LIMITED',
    detail: expect.stringMatching(/3 tasks of the agent default wait.*AGENT_MAX_QUEUED.*cancel/s),
  })
  expect((await rig.ask('/v1/goals/late')).status).toBe(404)
  // Neither what is in the record already nor another agent is refused.
  expect((await rig.post('/v1/goals', early)).status).toBe(200)
  const other = { text: 'generic: another agent', agent_id: 'other' }
  expect((await rig.post('/v1/goals', other)).status).toBe(201)
})
