/** Calls of models whose maker died: the Keeper counts them in full, and touches no other. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { reserveModelCall, settleModelCall } from '@chimera/infra/database/budgets/model-spend'
import { PAGE } from '@chimera/keeper/duties/keeper-deps'
import { leaseDuty } from '@chimera/keeper/leases/lease-duty'
import { expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { openScene, type Scene } from './keeper-scene.ts'

const TOKENS = 100n

/** A call that holds TOKENS of the agent, under a lease that may have run out already. */
async function hold({ database }: Scene, leaseMs: number): Promise<string> {
  const id = newId()
  const full = await reserveModelCall(database, {
    id,
    tenantId: DEFAULT_TENANT,
    agentId: 'default',
    campaignId: null,
    goal: null,
    model: 'scripted',
    usdMicros: 0n,
    tokens: TOKENS,
    leaseMs,
    actor: 'worker-1',
  })
  expect(full).toBeUndefined()
  return id
}

async function agentHolds({ database }: Scene): Promise<{ spent: bigint; reserved: bigint }> {
  const [row] = await database.query<{ spent: string; reserved: string }>({
    text: `SELECT spent, reserved FROM budgets WHERE scope = 'agent' AND asset = 'TOKENS'`,
  })
  return { spent: BigInt(row?.spent ?? 0), reserved: BigInt(row?.reserved ?? 0) }
}

const endings = async ({ database }: Scene, ended: string): Promise<number> =>
  (await database.query({ text: 'SELECT FROM model_spends WHERE ended = $1', values: [ended] }))
    .length

type Compose = NonNullable<NonNullable<Parameters<Scene['openKeeper']>[0]>['compose']>

async function expectLapsedSettled(of: {
  n: number
  withinMs: number
  compose?: Compose
}): Promise<void> {
  await using scene = await openScene()
  const { database } = scene
  await hold(scene, -1)
  const answered = await hold(scene, 600_000)
  const underWay = await hold(scene, 600_000)
  await settleModelCall(database, { id: answered, usdMicros: 0n, tokens: 30n })
  // The rest costs nothing, and fills the page of a transaction.
  await database.query({
    text: `INSERT INTO model_spends
        (id, tenant_id, agent_id, model, usd_micros, tokens, lease_until)
      SELECT new_version(), $1, 'default', 'scripted', 0, 0, now() - interval '1 minute'
      FROM generate_series(2, $2::int)`,
    values: [DEFAULT_TENANT, of.n],
  })
  scene.openKeeper({ sweepMs: 50, ...(of.compose === undefined ? {} : { compose: of.compose }) })
  await expect
    .poll(() => endings(scene, 'lapsed'), {
      timeout: of.withinMs,
      message: 'calls that were settled in full',
    })
    .toBe(of.n)
  expect(await agentHolds(scene)).toEqual({ spent: TOKENS + 30n, reserved: TOKENS })
  // Who comes back after all changes nothing; who is in time settles as ever.
  expect(await settleModelCall(database, { id: underWay, usdMicros: 0n, tokens: 1n })).toBe(true)
  expect(await agentHolds(scene)).toEqual({ spent: TOKENS + 31n, reserved: 0n })
}

const claim = { id: 'lapsed-model-calls', title: 'calls of who died are settled in full, all' }
guarantee({ ...claim, n: PAGE + 1, seed: 1 }, ({ n }) =>
  expectLapsedSettled({ n, withinMs: 20_000 }),
)

control(
  { guard: 'the duty of spends', test: claim.id, expect: /calls that were settled in full/ },
  () => expectLapsedSettled({ n: 2, withinMs: 1_000, compose: (deps) => [leaseDuty(deps)] }),
)

test('a late answer of who was taken for dead frees nothing', async () => {
  await using scene = await openScene()
  const late = await hold(scene, -1)
  scene.openKeeper({ sweepMs: 50 })
  await expect.poll(() => endings(scene, 'lapsed'), { timeout: 20_000 }).toBe(1)
  const answer = { id: late, usdMicros: 0n, tokens: 1n }
  expect(await settleModelCall(scene.database, answer)).toBe(false)
  expect(await agentHolds(scene)).toEqual({ spent: TOKENS, reserved: 0n })
})
