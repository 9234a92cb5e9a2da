/** What may be spent, over HTTP and by hand: shown, set, and refused where it makes no sense. */
import { registerOperatorCommands } from '@chimera/cli/commands/operator-commands'
import { EXIT, exitCodeOf } from '@chimera/cli/exit-codes'
import { BudgetView } from '@chimera/contracts/budget/cap'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Role, TokenScope } from '@chimera/contracts/tenancy/roles'
import { reserveModelCall } from '@chimera/infra/database/budgets/model-spend'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { Command, CommanderError } from 'commander'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { type GatewayRig, openGatewayRig, problemIn } from './gateway-rig.ts'
import { addTasks } from './keeper-scene.ts'

const OTHER_TENANT = newId()
const Budgets = z.strictObject({ budgets: z.array(BudgetView) })

let rig: GatewayRig
beforeAll(async () => {
  rig = await openGatewayRig()
  await rig.database.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1, 'other')`,
    values: [OTHER_TENANT],
  })
})
beforeEach(() => rig.database.query({ text: 'DELETE FROM budget_caps' }))
afterAll(() => rig[Symbol.asyncDispose]())

type Asked = { roles?: readonly Role[]; scopes?: readonly TokenScope[]; tenantId?: string }

async function tokenOf({ tenantId = DEFAULT_TENANT, scopes = [], roles }: Asked): Promise<string> {
  const of = { tenantId, name: `token-${newId()}`, scopes, roles, actor: 'test' }
  return (await createToken(rig.database, of)).secret
}

const as = (token: string) => ({ authorization: `Bearer ${token}` })

async function budgetsOf(response: Response): Promise<BudgetView[]> {
  expect(response.status).toBe(200)
  return Budgets.parse(await response.json()).budgets
}

const shown = async (scope?: string, headers = {}) =>
  budgetsOf(
    await rig.ask(scope === undefined ? '/v1/budgets' : `/v1/budgets?scope=${scope}`, { headers }),
  )

const caps = async (): Promise<unknown[]> =>
  rig.database.query({ text: 'SELECT scope, scope_id, mode, asset, cap FROM budget_caps' })

describe('GET /v1/budgets', () => {
  test('shows the defaults where nobody has set anything', async () => {
    expect(await shown('agent:*')).toMatchObject([
      { asset: 'TRANSFERS', mode: 'live', cap: '10', decimals: null },
      { asset: 'USD', mode: 'live', per: 'day', cap: '50000000', source: 'default', decimals: 6 },
    ])
    const scopes = (await shown()).map(({ scope }) => scope)
    expect(new Set(scopes)).toEqual(new Set(['agent', 'campaign', 'tenant']))
  })

  test('shows what is reserved against which cap, and when the day ends', async () => {
    await rig.post('/v1/budgets', { scope: 'agent:spender', asset: 'TOKENS', cap: '200' })
    const call = {
      id: newId(),
      tenantId: DEFAULT_TENANT,
      agentId: 'spender',
      campaignId: null,
      goal: null,
      model: 'scripted',
      usdMicros: 0n,
      tokens: 150n,
      leaseMs: 60_000,
      actor: 'test',
    }
    expect(await reserveModelCall(rig.database, call)).toBeUndefined()
    const live = (await shown('agent:spender')).find(({ mode }) => mode === 'live')
    expect(live).toMatchObject({
      asset: 'TOKENS',
      spent: '0',
      reserved: '150',
      cap: '200',
      source: 'set',
      used_percent: 75,
    })
    expect(live?.resets_at).toMatch(/T00:00:00\.000Z$/)
  })

  test.each(['agent', 'agent:', 'house', 'agent:a b', 'tenant:x', ''])(
    'refuses %j as a scope',
    async (scope) => {
      const answer = await rig.ask(`/v1/budgets?scope=${encodeURIComponent(scope)}`)
      expect(await problemIn(answer)).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
    },
  )
})

describe('POST /v1/budgets', () => {
  test('sets a cap in both modes, writes who did it, and takes it away again', async () => {
    const answer = await rig.post('/v1/budgets', { scope: 'campaign:spring', cap: '2500000' })
    expect(await budgetsOf(answer)).toMatchObject([
      { scope_id: 'spring', mode: 'live', asset: 'USD', cap: '2500000', source: 'set' },
      { scope_id: 'spring', mode: 'paper', asset: 'USD', cap: '2500000', source: 'set' },
    ])
    const [entry] = await rig.database.query<{ actor: string; items: unknown }>({
      text: `SELECT actor, items FROM audit_entries
        WHERE items @> '[{"subject": "budget", "to": "capped"}]' ORDER BY id DESC LIMIT 1`,
    })
    expect(entry?.actor).toMatch(/^token:/)
    expect(JSON.stringify(entry?.items)).toContain('nothing -> 2500000 base units a day')
    const lift = { scope: 'campaign:spring', mode: 'live', cap: 'none' }
    expect(await budgetsOf(await rig.post('/v1/budgets', lift))).toContainEqual(
      expect.objectContaining({ mode: 'live', cap: null }),
    )
    for (const mode of ['live', 'paper']) {
      await rig.post('/v1/budgets', { scope: 'campaign:spring', mode, cap: 'default' })
    }
    expect(await caps()).toEqual([])
  })

  test('wakes what waited for room, and rings the Judge', async () => {
    const counter = `budget ${DEFAULT_TENANT} agent waiting paper USD`
    const { taskIds } = await addTasks(rig.database, {
      columns: {
        status: `'REVIEW'`,
        phase: `'judging'`,
        result_at: 'now()',
        run_at: `now() + interval '1 day'`,
        waits_for: `'${counter}'`,
      },
    })
    await rig.database.query({
      text: `INSERT INTO budgets (tenant_id, scope, scope_id, mode, asset, day, spent)
        VALUES ($1, 'agent', 'waiting', 'paper', 'USD', (now() AT TIME ZONE 'UTC')::date, 1)`,
      values: [DEFAULT_TENANT],
    })
    await rig.post('/v1/budgets', { scope: 'agent:waiting', cap: '5' })
    const [task] = await rig.database.query<{ due: boolean; waits_for: string | null }>({
      text: 'SELECT run_at <= now() AS due, waits_for FROM tasks WHERE id = $1',
      values: taskIds,
    })
    expect(task).toEqual({ due: true, waits_for: null })
    const rung = async () =>
      JSON.stringify(await rig.redis.client.xrange('chimera:results', '-', '+'))
    await expect.poll(rung, { timeout: 10_000 }).toContain(taskIds[0])
  })

  test.each([
    ['no scope', { cap: '1' }, '/scope'],
    ['a scope that is none', { scope: 'everybody', cap: '1' }, '/scope'],
    ['no cap', { scope: 'tenant' }, '/cap'],
    ['a cap with a fraction', { scope: 'tenant', cap: '1.5' }, '/cap'],
    ['a cap below nothing', { scope: 'tenant', cap: '-1' }, '/cap'],
    ['a cap that is a number', { scope: 'tenant', cap: 1 }, '/cap'],
    ['a cap with a zero before it', { scope: 'tenant', cap: '01' }, '/cap'],
    ['a cap of 79 digits', { scope: 'tenant', cap: '9'.repeat(79) }, '/cap'],
    ['an asset that is no code', { scope: 'tenant', asset: 'usd', cap: '1' }, '/asset'],
    ['a mode that is none', { scope: 'tenant', mode: 'dry', cap: '1' }, '/mode'],
    ['an unknown field', { scope: 'tenant', cap: '1', per: 'day' }, '/per'],
  ])('refuses %s, says where, and sets nothing', async (_, body, pointer) => {
    const problem = await problemIn(await rig.post('/v1/budgets', body))
    expect(problem).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
    expect(JSON.stringify(problem)).toContain(`"pointer":"${pointer}"`)
    expect(await caps()).toEqual([])
  })

  test.each(['', '{', '[]', '"tenant"', 'null'])('refuses the body %j', async (body) => {
    const answer = await rig.post('/v1/budgets', body)
    expect((await problemIn(answer))['status']).toBeGreaterThanOrEqual(400)
    expect(await caps()).toEqual([])
  })
})

describe('who may', () => {
  test.each([
    ['a token that reads', { scopes: ['read'] }, 403],
    ['a token that writes', { scopes: ['write'] }, 403],
    ['a viewer', { roles: ['viewer'] }, 403],
    ['an approver', { roles: ['approver'] }, 403],
    ['an operator', { roles: ['operator'] }, 403],
    ['a tenant admin', { roles: ['tenant_admin'] }, 403],
    ['a policy admin', { roles: ['policy_admin'] }, 200],
  ] as const)('set a cap: %s', async (_, asked, status) => {
    const headers = as(await tokenOf(asked))
    const body = { scope: 'agent:a', cap: '1' }
    expect((await rig.post('/v1/budgets', body, headers)).status).toBe(status)
    expect(await caps()).toHaveLength(status === 200 ? 2 : 0)
  })

  test('see another tenant: nobody', async () => {
    await rig.post('/v1/budgets', { scope: 'agent:mine', cap: '7' })
    const headers = as(await tokenOf({ scopes: ['admin'], tenantId: OTHER_TENANT }))
    expect(await shown('agent:mine', headers)).toEqual([])
    expect((await shown('tenant', headers)).map((one) => one.scope_id)).toContain(OTHER_TENANT)
    await rig.post('/v1/budgets', { scope: 'agent:mine', cap: '9' }, headers)
    expect(await shown('agent:mine')).toMatchObject([{ cap: '7' }, { cap: '7' }])
  })
})

describe('chimera budget', () => {
  type Ran = { code: number; out: string; err: string }

  async function chimera(args: readonly string[], token = rig.token): Promise<Ran> {
    const [out, err]: [string[], string[]] = [[], []]
    const program = new Command('chimera')
    registerOperatorCommands(program, {
      env: { CHIMERA_GATEWAY_URL: rig.url, CHIMERA_TOKEN: token },
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
    })
    const hear = (command: Command): void => {
      command.exitOverride().configureOutput({ writeErr: (text) => void err.push(text) })
      command.commands.forEach(hear)
    }
    hear(program)
    const code = await program.parseAsync(['budget', ...args], { from: 'user' }).then(
      () => EXIT.ok,
      (error: unknown) => {
        err.push(error instanceof Error ? error.message : String(error))
        return error instanceof CommanderError ? EXIT.usage : exitCodeOf(error)
      },
    )
    return { code, out: out.join('\n'), err: err.join('\n') }
  }

  test('ls prints a table, and the same as JSON', async () => {
    const table = await chimera(['ls', 'agent:*'])
    expect(table).toMatchObject({ code: EXIT.ok, err: '' })
    expect(table.out).toMatch(/^of +mode +asset +spent +reserved +carried +cap +used +per +by/)
    expect(table.out).toMatch(
      /^agent:\* +live +USD +0\.00 +0\.00 +0\.00 +50\.00 +0 % +day +default/m,
    )
    const json = await chimera(['ls', 'agent:*', '--json'])
    expect(z.array(BudgetView).parse(JSON.parse(json.out))).toEqual(await shown('agent:*'))
  })

  test('set takes dollars for dollars and base units for everything else', async () => {
    const usd = await chimera(['set', 'agent:ana', '2.5', '--mode', 'live', '--json'])
    expect(z.array(BudgetView).parse(JSON.parse(usd.out))).toMatchObject([
      { scope_id: 'ana', mode: 'live', asset: 'USD', cap: '2500000', source: 'set' },
    ])
    expect((await chimera(['set', 'agent:ana', '1000', '--asset', 'TOKENS'])).out).toMatch(
      /^agent:ana +live +TOKENS +0 +0 +0 +1000 +0 % +day +set$/m,
    )
    const goal = await chimera(['set', 'goal:g-1', '3', '--per', 'ever', '--json'])
    expect(z.array(BudgetView).parse(JSON.parse(goal.out))).toMatchObject([
      { per: 'ever', resets_at: null, cap: '3000000' },
      { per: 'ever', resets_at: null, cap: '3000000' },
    ])
    expect((await chimera(['set', 'tenant', 'none', '--mode', 'live'])).out).toMatch(
      / none .* set$/m,
    )
    expect((await chimera(['set', 'tenant', 'default'])).code).toBe(EXIT.ok)
  })

  test.each([
    ['no cap', ['set', 'tenant']],
    ['a cap that is no number', ['set', 'tenant', 'much']],
    ['a cap below nothing', ['set', 'tenant', '--', '-1']],
    ['more decimals than a micro', ['set', 'tenant', '0.0000001']],
    ['part of a token', ['set', 'tenant', '1.5', '--asset', 'TOKENS']],
    ['a mode that is none', ['set', 'tenant', '1', '--mode', 'dry']],
    ['a day for a goal', ['set', 'goal:g-1', '1', '--per', 'day']],
    ['for good for an agent', ['set', 'agent:ana', '1', '--per', 'ever']],
    ['an unknown option', ['ls', '--all']],
  ])('wrong use, %s, exits 2 and sets nothing', async (_, args) => {
    expect(await chimera(args)).toMatchObject({ code: EXIT.usage, out: '' })
    expect(await caps()).toEqual([])
  })

  test('what the gateway refuses is told, and exits by its code', async () => {
    const scope = await chimera(['set', 'everybody', '1'])
    expect(scope).toMatchObject({ code: EXIT.failed, out: '' })
    expect(scope.err).toContain('use tenant, agent:<id>')
    expect((await chimera(['ls', 'everybody'])).code).toBe(EXIT.failed)
    const reader = await tokenOf({ scopes: ['read'] })
    expect((await chimera(['ls'], reader)).code).toBe(EXIT.ok)
    expect((await chimera(['set', 'tenant', '1'], reader)).code).toBe(EXIT.noPermission)
    expect((await chimera(['ls'], 'no-token')).code).toBe(EXIT.noPermission)
    expect(await caps()).toEqual([])
  })
})
