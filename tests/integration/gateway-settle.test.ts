/** What people say over HTTP of effects and ledgers: rows and rings, nothing more. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { SettlementView } from '@chimera/infra/database/settlements/settlement'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import { insertEffect } from './effects/effect-in-state.ts'
import { openGatewayRig, problemIn, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
const ACCOUNT = 'x-simulated'

beforeAll(async () => {
  rig = await openGatewayRig()
  const bindings = [{ tenantId: DEFAULT_TENANT, agentId: '*', tool: 'post_tweet' }]
  const server = { server: 'tweet', url: 'http://127.0.0.1:9', backend: 'simulated', live: false }
  await upsertAccount(rig.database, { account: ACCOUNT, ...server, bindings })
})
beforeEach(() => rig.redis.client.flushall())
afterAll(() => rig[Symbol.asyncDispose]())

/** A tweet in the given state, of a goal of its own. */
const addEffect = (
  state: 'CONFIRMED' | 'UNKNOWN' | 'NEEDS_HUMAN',
  providerRef: string | null = null,
): Promise<string> =>
  insertEffect(rig.database, {
    state,
    tool: 'post_tweet',
    slot: 'publish',
    account: ACCOUNT,
    type: 'ENGAGEMENT',
    kind: 'tweet.post',
    providerRef,
  })

const Settled = z.object({ effect_id: z.string(), settlement: SettlementView })
const settle = (id: string, body: object) => rig.post(`/v1/effects/${id}/settle`, body)
const NOT_HAPPENED = { outcome: 'did_not_happen', reason: 'I looked' }

const Ring = z.record(z.string(), z.unknown())

async function rings(): Promise<z.infer<typeof Ring>[]> {
  const entries = await rig.redis.client.xrange('chimera:results', '-', '+')
  return entries.map(([, fields]) =>
    Ring.parse(JSON.parse(fields[fields.indexOf('result') + 1] ?? 'null')),
  )
}

test("a person's word is a row, an audit entry and a ring, and shows with the effect", async () => {
  const id = await addEffect('NEEDS_HUMAN')
  const body = { outcome: 'happened', provider_ref: '17', reason: 'it is on my screen' }
  const answer = await settle(id, body)
  expect(answer.status).toBe(202)
  const { effect_id: effectId, settlement } = Settled.parse(await answer.json())
  expect(effectId).toBe(id)
  expect(settlement).toMatchObject({
    ...body,
    state: 'waiting',
    actor: expect.stringMatching(/^token:/),
  })
  await expect.poll(rings).toContainEqual({ look_at: 'settlement', id: settlement.id })
  const shown = await rig.ask(`/v1/effects/${id}`)
  expect(await shown.json()).toMatchObject({ id, state: 'NEEDS_HUMAN', settlement })
  const [entry] = await rig.database.query({
    text: `SELECT items FROM audit_entries WHERE items::text LIKE '%SETTLING%'`,
  })
  expect(entry?.['items']).toMatchObject([{ subject: 'effect', id, from: 'NEEDS_HUMAN' }])
  // The same words again are those that are under way; other words have to wait for them.
  expect(Settled.parse(await (await settle(id, body)).json()).settlement).toEqual(settlement)
  expect(await problemIn(await settle(id, NOT_HAPPENED))).toMatchObject({ code: 'IN_PROGRESS' })
})

test('what cannot be settled by a person is refused at once', async () => {
  const confirmed = await addEffect('CONFIRMED', 'taken')
  const open = await addEffect('UNKNOWN')
  const refused = { status: 403, code: 'SETTLE_REFUSED' }
  expect(await problemIn(await settle(confirmed, NOT_HAPPENED))).toMatchObject(refused)
  const taken = { outcome: 'happened', provider_ref: 'taken', reason: 'x' }
  expect(await problemIn(await settle(open, taken))).toMatchObject(refused)
  expect(await problemIn(await settle(newId(), NOT_HAPPENED))).toMatchObject({ status: 404 })
  expect(await problemIn(await settle('nothing', NOT_HAPPENED))).toMatchObject({ status: 404 })
  for (const body of [
    {},
    { outcome: 'happened', reason: 'x' },
    { outcome: 'did_not_happen', provider_ref: '1', reason: 'x' },
    { outcome: 'did_not_happen' },
    { outcome: 'happened', provider_ref: 'two words', reason: 'x' },
  ]) {
    expect(await problemIn(await settle(open, body))).toMatchObject({ code: 'INPUT_INVALID' })
  }
})

test('the adoption of a ledger is a row and a ring, once while it is under way', async () => {
  const adopt = () => rig.post(`/v1/tools/${ACCOUNT}/adopt`, {})
  const first = await adopt()
  expect(first.status).toBe(202)
  const said: unknown = await first.json()
  expect(said).toMatchObject({ account: ACCOUNT, adoption: { state: 'waiting' } })
  expect(await (await adopt()).json()).toEqual(said)
  const tool = await rig.ask(`/v1/tools/${ACCOUNT}`)
  const state = { account: ACCOUNT, name: 'tweet', state: 'closed', adoption: { state: 'waiting' } }
  expect(await tool.json()).toMatchObject(state)
  expect(await (await rig.ask('/v1/tools')).json()).toMatchObject({ tools: [{ account: ACCOUNT }] })
  await expect.poll(rings).toContainEqual(expect.objectContaining({ look_at: 'adoption' }))
  expect((await rig.post('/v1/tools/nobody/adopt', {})).status).toBe(404)
  expect((await rig.ask('/v1/tools/nobody')).status).toBe(404)
})
