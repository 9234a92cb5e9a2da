import { newId } from '@chimera/contracts/ids'
import { GoalPosted, GoalView } from '@chimera/contracts/observable'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { ownRedisUrl } from '../own-redis.ts'
import { openGatewayRig, problemIn, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const countGoals = async (of = rig): Promise<number> => {
  const [row] = await of.database.query<{ n: string }>({ text: 'SELECT count(*) AS n FROM goals' })
  return Number(row?.n)
}

/** Payloads of `chimera:goals`, once there are so many; rings are in the background. */
async function rings(n: number): Promise<unknown[]> {
  for (let tries = 0; tries < 200; tries += 1) {
    const entries = await rig.redis.client.xrange('chimera:goals', '-', '+')
    const payloads = entries.map(([, fields]) => fields[fields.indexOf('goal') + 1] ?? 'null')
    if (payloads.length >= n) return payloads.map((text): unknown => JSON.parse(text))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`fewer than ${n} rings`)
}

describe('POST /v1/goals', () => {
  test('commits the goal, answers 201 and rings with the id alone', async () => {
    const response = await rig.post('/v1/goals', { id: 'first', text: 'generic: hello' })
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe('/v1/goals/first')
    expect(GoalPosted.parse(await response.json())).toEqual({ id: 'first', status: 'RECEIVED' })
    expect(await rings(1)).toContainEqual({ id: 'first', ring: true })
    const [row] = await rig.database.query({
      text: `SELECT g.status, g.source, g.trust, a.actor FROM goals g
        JOIN audit_entries a ON a.id = g.audit_id WHERE g.id = 'first'`,
    })
    expect(row).toMatchObject({ status: 'RECEIVED', source: 'http', trust: 'owner' })
    expect(row?.['actor']).toMatch(/^token:/)
  })

  test('names a goal that has no name, and takes structured goals', async () => {
    const posted = await rig.post('/v1/goals', { kind: 'tweet.post', params: { text: 'hi' } })
    const { id } = GoalPosted.parse(await posted.json())
    const shown = GoalView.parse(await (await rig.ask(`/v1/goals/${id}`)).json())
    expect(shown.text).toBe('tweet.post {"text":"hi"}')
    expect(shown.mode).toBe('paper')
  })

  test('of the same goal answers 200, of another with its id GOAL_ID_CONFLICT', async () => {
    const goal = { id: 'twice', text: 'generic: the same' }
    expect((await rig.post('/v1/goals', goal)).status).toBe(201)
    const before = await countGoals()
    expect((await rig.post('/v1/goals', goal)).status).toBe(200)
    const conflict = await rig.post('/v1/goals', { ...goal, text: 'generic: another' })
    expect(conflict.status).toBe(409)
    expect(await problemIn(conflict)).toMatchObject({
      code: 'GOAL_ID_CONFLICT',
      retryable: false,
      errors: [{ pointer: '/id' }],
    })
    expect(await countGoals()).toBe(before)
  })

  test('answers while the Redis that it rings at is away, and loses nothing', async () => {
    const log = openLog({ name: 'gateway-test', level: 'silent' })
    await using away = await openRedis({ url: ownRedisUrl(), name: 'away', log })
    away.client.disconnect()
    await using lame = await openGatewayRig({ publishesTo: away })
    const response = await lame.post('/v1/goals', { id: 'unheard', text: 'generic: hello' })
    expect(response.status).toBe(201)
    expect(await countGoals(lame)).toBe(1)
    expect(await (await lame.ask('/readyz')).json()).toMatchObject({ state: 'degraded' })
  })
})

describe('Idempotency-Key', () => {
  const once = (key: string, body: unknown) =>
    rig.post('/v1/goals', body, { 'idempotency-key': key })

  test('replays the answer, goal id included', async () => {
    const first = await once('k1', { text: 'generic: keyed' })
    const { id } = GoalPosted.parse(await first.json())
    const second = await once('"k1"', { text: 'generic: keyed' })
    expect(second.status).toBe(201)
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(GoalPosted.parse(await second.json()).id).toBe(id)
  })

  test('with another body is refused with 422', async () => {
    await once('k2', { text: 'generic: one' })
    const reused = await once('k2', { text: 'generic: two' })
    expect(reused.status).toBe(422)
    expect(await problemIn(reused)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  test('of a goal that was refused is free again', async () => {
    await rig.post('/v1/goals', { id: 'taken', text: 'generic: one' })
    expect((await once('k3', { id: 'taken', text: 'generic: two' })).status).toBe(409)
    expect((await once('k3', { id: 'free', text: 'generic: two' })).status).toBe(201)
  })

  test('while the first request is being answered gives 409, to be tried again', async () => {
    const [token] = await rig.database.query<{ id: string; tenant_id: string }>({
      text: 'SELECT id, tenant_id FROM api_tokens LIMIT 1',
    })
    const name = JSON.stringify([
      'idempotency',
      token?.tenant_id,
      token?.id,
      'POST /v1/goals',
      'k4',
    ])
    await rig.database.transaction(async (tx) => {
      const text = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))'
      await tx.query({ text, values: [name] })
      const response = await once('k4', { text: 'generic: waits' })
      expect(response.status).toBe(409)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(await problemIn(response)).toMatchObject({ retryable: true })
    })
    expect((await once('k4', { text: 'generic: waits' })).status).toBe(201)
  })

  test('that is no key is refused with 400', async () => {
    const response = await once('two words', { text: 'generic: hello' })
    expect(await problemIn(response)).toMatchObject({
      status: 400,
      code: 'IDEMPOTENCY_KEY_INVALID',
    })
  })
})

/** Posts one goal n times at once, with or without a key, and expects one row. */
async function expectOneGoal(of: { n: number; keyed: boolean }): Promise<void> {
  const before = await countGoals()
  const key = newId()
  const body = { text: `generic: racing ${key}` }
  const headers = of.keyed ? { 'idempotency-key': key } : undefined
  const answers = await Promise.all(
    Array.from({ length: of.n }, () => rig.post('/v1/goals', body, headers)),
  )
  for (const { status } of answers) expect([201, 409]).toContain(status)
  expect((await countGoals()) - before).toBe(1)
}

const claim = { id: 'one-goal-per-key', n: 20, seed: 3 }
guarantee({ ...claim, title: 'racing posts with one key make one goal' }, ({ n }) =>
  expectOneGoal({ n, keyed: true }),
)
control({ guard: 'the idempotency key', test: claim.id, expect: /to be 1/ }, () =>
  expectOneGoal({ n: 2, keyed: false }),
)

describe('goals that were posted', () => {
  test('are listed newest first, page by page, without a gap or a repeat', async () => {
    await using own = await openGatewayRig()
    for (let n = 0; n < 7; n += 1) await own.post('/v1/goals', { id: `g${n}`, text: 'generic: a' })
    const ids: string[] = []
    let path: string | undefined = '/v1/goals?limit=3'
    while (path !== undefined) {
      const response = await own.ask(path)
      expect(response.status).toBe(200)
      const page: unknown = await response.json()
      const { goals, next_cursor: next } = Page(page)
      ids.push(...goals)
      path = next === null ? undefined : `/v1/goals?limit=3&cursor=${next}`
      expect(response.headers.has('link')).toBe(next !== null)
    }
    expect(ids).toEqual(['g6', 'g5', 'g4', 'g3', 'g2', 'g1', 'g0'])
    expect(Page(await (await own.ask('/v1/goals?status=COMPLETED')).json()).goals).toEqual([])
  })

  test('can be cancelled, twice without harm, and then say so', async () => {
    await rig.post('/v1/goals', { id: 'regretted', text: 'generic: oh no' })
    for (let n = 0; n < 2; n += 1) {
      const response = await rig.post('/v1/goals/regretted/cancel', '')
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ id: 'regretted', status: 'CANCELLED' })
    }
    const goal = GoalView.parse(await (await rig.ask('/v1/goals/regretted')).json())
    expect(goal).toMatchObject({ status: 'CANCELLED', partial: [], waiting_on: null })
  })

  test('that have ended otherwise cannot be cancelled', async () => {
    await rig.post('/v1/goals', { id: 'over', text: 'generic: over' })
    await rig.database.query({
      text: `UPDATE goals SET status = 'FAILED', finished_at = now() WHERE id = 'over'`,
    })
    const response = await rig.post('/v1/goals/over/cancel', '')
    expect(await problemIn(response)).toMatchObject({ status: 409, code: 'GOAL_FINISHED' })
  })

  test('of another tenant do not exist', async () => {
    const tenant = newId()
    await rig.database.query({
      text: `INSERT INTO tenants (id, name) VALUES ($1, 'other')`,
      values: [tenant],
    })
    const { createToken } = await import('@chimera/infra/database/tokens/create-token')
    const { secret } = await createToken(rig.database, {
      tenantId: tenant,
      name: 'other',
      scopes: ['read', 'write'],
      actor: 'test',
    })
    const headers = { authorization: `Bearer ${secret}` }
    await rig.post('/v1/goals', { id: 'mine', text: 'generic: mine' })
    const seen = await rig.ask('/v1/goals/mine', { headers })
    expect(await problemIn(seen)).toMatchObject({ status: 404, code: 'GOAL_NOT_FOUND' })
    const cancelled = await rig.post('/v1/goals/mine/cancel', '', headers)
    expect(cancelled.status).toBe(404)
    // Their own goal of the same id is another goal.
    const theirs = await rig.post('/v1/goals', { id: 'mine', text: 'generic: other' }, headers)
    expect(theirs.status).toBe(201)
  })
})

function Page(value: unknown): { goals: string[]; next_cursor: string | null } {
  if (typeof value !== 'object' || value === null || !('goals' in value)) throw new Error('no page')
  const { goals } = value
  const next = 'next_cursor' in value ? value.next_cursor : undefined
  if (!Array.isArray(goals) || (typeof next !== 'string' && next !== null)) {
    throw new Error('no page')
  }
  return { goals: goals.map((goal: { id: string }) => goal.id), next_cursor: next }
}
