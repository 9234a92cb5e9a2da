import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { permissionsOf, Role, type TokenScope } from '@chimera/contracts/tenancy/roles'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openGatewayRig, problemIn, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

type Asked = { roles?: readonly Role[]; scopes?: readonly TokenScope[]; userId?: string }

async function tokenOf(of: Asked, tenantId = DEFAULT_TENANT): Promise<{ authorization: string }> {
  const { roles, scopes = [], userId } = of
  const name = `token-${newId()}`
  const { secret } = await createToken(rig.database, {
    tenantId,
    name,
    scopes,
    roles,
    userId,
    actor: 'test',
  })
  return { authorization: `Bearer ${secret}` }
}

async function made(path: string, body: object, status = 201): Promise<Record<string, unknown>> {
  const response = await rig.post(path, body)
  const answer: unknown = await response.json()
  expect([response.status, answer]).toEqual([status, expect.anything()])
  return Object.fromEntries(Object.entries(answer ?? {}))
}

async function itemsAt(path: string, headers?: Record<string, string>): Promise<unknown> {
  const response = await rig.ask(path, headers === undefined ? {} : { headers })
  const answer: unknown = await response.json()
  return Object.values(answer ?? {})[0]
}

describe('users, agents and campaigns', () => {
  test('are made, changed, listed and compared with what somebody has seen', async () => {
    const agent = await made('/v1/agents', { id: 'a-1', soul_ref: 'bard.md' })
    expect(agent).toMatchObject({ id: 'a-1', soul_ref: 'bard.md', status: 'ACTIVE' })
    // The same again is the same.
    const again = await made('/v1/agents', { id: 'a-1', soul_ref: 'bard.md' }, 200)
    expect(again['version_id']).toBe(agent['version_id'])
    const seen = { id: 'a-1', version_id: agent['version_id'] }
    const changed = await made('/v1/agents', { ...seen, wallet_address: '0xabc' }, 200)
    expect(changed).toMatchObject({ soul_ref: null, wallet_address: '0xabc' })
    const late = await rig.post('/v1/agents', { ...seen, soul_ref: 'other.md' })
    expect(await problemIn(late)).toMatchObject({ status: 409, code: 'VERSION_CONFLICT' })
    expect(await itemsAt('/v1/agents')).toContainEqual(expect.objectContaining({ id: 'a-1' }))
  })

  test('hang together, and say what does not', async () => {
    await made('/v1/users', { id: 'ann', email: 'Ann@example.org', roles: ['operator'] })
    const campaign = { id: 'c-1', agent_id: 'fresh', owner_user_id: 'ann', daily_budget_usd: '2.5' }
    expect(await made('/v1/campaigns', campaign)).toMatchObject({ daily_budget_usd: '2.5' })
    // Its agent is there from now on.
    expect(await itemsAt('/v1/agents')).toContainEqual(expect.objectContaining({ id: 'fresh' }))
    const taken = await rig.post('/v1/users', { id: 'bo', email: 'ann@EXAMPLE.org', roles: [] })
    expect(await problemIn(taken)).toMatchObject({ status: 409, code: 'EMAIL_TAKEN' })
    const nobody = await rig.post('/v1/campaigns', { ...campaign, owner_user_id: 'nobody' })
    expect(await problemIn(nobody)).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
    const foreign = await rig.post('/v1/agents', { id: 'x', tenant_id: newId() })
    expect(await problemIn(foreign)).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
    const role = await rig.post('/v1/users', { id: 'eve', email: 'e@e.org', roles: ['god'] })
    expect(await problemIn(role)).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
  })

  test('exist from the first goal that names them, and the trail says so', async () => {
    const goal = { id: 'g-first', text: 'noop 1', agent_id: 'walter', campaign_id: 'spring' }
    expect((await rig.post('/v1/goals', goal)).status).toBe(201)
    expect((await rig.post('/v1/goals', { ...goal, id: 'g-second' })).status).toBe(201)
    expect(await itemsAt('/v1/agents')).toContainEqual(expect.objectContaining({ id: 'walter' }))
    expect(await itemsAt('/v1/campaigns')).toContainEqual(
      expect.objectContaining({ id: 'spring', agent_id: 'walter', daily_budget_usd: null }),
    )
    const rows = await rig.database.query({
      text: `SELECT i ->> 'subject' AS subject FROM audit_entries, jsonb_array_elements(items) AS i
        WHERE i ->> 'id' IN ('walter', 'spring') ORDER BY 1`,
    })
    expect(rows).toEqual([{ subject: 'agent' }, { subject: 'campaign' }])
  })

  test('are paused, resumed and completed, in the record that claims and grants read', async () => {
    await made('/v1/agents', { id: 'p-1' })
    const report = await made('/v1/agents/p-1/pause', { reason: 'drill' }, 200)
    expect(report).toMatchObject({ id: 'p-1', status: 'PAUSED', epoch: 1, tools: [] })
    const fence = { scope: 'agent:p-1', epoch: '1', stopped: false }
    expect(
      await rig.database.query({
        text: `SELECT scope, epoch, stopped FROM fences WHERE scope = 'agent:p-1'`,
      }),
    ).toEqual([fence])
    expect(await made('/v1/agents/p-1/resume', {}, 200)).toEqual({ id: 'p-1', status: 'ACTIVE' })
    await made('/v1/campaigns', { id: 'over', agent_id: 'p-1' })
    await made('/v1/campaigns/over/complete', {}, 200)
    const late = await rig.post('/v1/campaigns/over/resume', {})
    expect(await problemIn(late)).toMatchObject({ status: 409, code: 'CAMPAIGN_COMPLETED' })
    for (const path of ['/v1/agents/no/pause', '/v1/users/no/pause', '/v1/goals/no/resume']) {
      expect((await rig.post(path, {})).status).toBe(404)
    }
    // No fence is raised for what is not there.
    expect(
      await rig.database.query({ text: `SELECT FROM fences WHERE scope = 'agent:no'` }),
    ).toEqual([])
  })

  test('a goal that is paused waits where it is, and goes on from there', async () => {
    await rig.post('/v1/goals', { id: 'g-paused', text: 'noop 1' })
    await made('/v1/goals/g-paused/pause', {}, 200)
    expect(await made('/v1/goals/g-paused/resume', {}, 200)).toEqual({
      id: 'g-paused',
      status: 'RECEIVED',
    })
    await rig.post('/v1/goals/g-paused/cancel', '')
    const late = await rig.post('/v1/goals/g-paused/pause', {})
    expect(await problemIn(late)).toMatchObject({ status: 409, code: 'GOAL_FINISHED' })
  })
})

describe('a token', () => {
  test('with a role opens the routes of that role and no others', async () => {
    for (const role of Role.options) {
      const headers = await tokenOf({ roles: [role] })
      const allowed = permissionsOf({ roles: [role], scopes: [] })
      for (const { method, path, needs } of rig.gateway.routes) {
        if (needs === 'public') continue
        const response = await rig.ask(path.replaceAll(/:\w+/g, 'x'), { method, headers })
        await response.body?.cancel()
        const isOpen = response.status !== 403
        expect([role, method, path, isOpen]).toEqual([role, method, path, allowed.has(needs)])
      }
    }
  })

  test('of a user has what both have, at every moment', async () => {
    const user = { id: 'olga', email: 'olga@example.org' }
    await made('/v1/users', { ...user, roles: ['operator', 'auditor'] })
    const headers = await tokenOf({ roles: ['operator', 'tenant_admin'], userId: 'olga' })
    const post = async (id: string) =>
      (await rig.post('/v1/goals', { id, text: 'noop 1' }, headers)).status
    expect(await post('o-1')).toBe(201)
    expect((await rig.ask('/v1/users', { headers })).status).toBe(403)
    await made('/v1/users', { ...user, roles: ['viewer'] }, 200)
    expect(await post('o-2')).toBe(403)
    await made('/v1/users', { ...user, roles: ['operator'] }, 200)
    await made('/v1/users/olga/pause', {}, 200)
    expect(await post('o-3')).toBe(401)
    await made('/v1/users/olga/resume', {}, 200)
    expect(await post('o-3')).toBe(201)
  })

  test('of another tenant sees and changes nothing of this one', async () => {
    const tenant = await made('/v1/tenants', { name: 'next door' })
    const headers = await tokenOf({ roles: ['tenant_admin', 'operator'] }, String(tenant['id']))
    await made('/v1/agents', { id: 'secret' })
    for (const path of ['/v1/agents', '/v1/users', '/v1/campaigns']) {
      expect(await itemsAt(path, headers)).toEqual([])
    }
    expect((await rig.post('/v1/agents/secret/pause', {}, headers)).status).toBe(404)
    expect((await rig.post('/v1/tenants', { name: 'mine' }, headers)).status).toBe(403)
    // A namesake of theirs is another agent, behind another fence.
    const own = await rig.post('/v1/agents', { id: 'secret' }, headers)
    expect(own.status).toBe(201)
    const paused = await rig.post('/v1/agents/secret/pause', {}, headers)
    expect(paused.status).toBe(200)
    const scopes = await rig.database.query({
      text: `SELECT scope FROM fences WHERE scope LIKE 'agent:%secret'`,
    })
    expect(scopes).toEqual([{ scope: `agent:${String(tenant['id'])}/secret` }])
    expect(await itemsAt('/v1/agents')).toContainEqual(
      expect.objectContaining({ id: 'secret', status: 'ACTIVE' }),
    )
  })
})
