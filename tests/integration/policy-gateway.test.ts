/** The policy over HTTP: applied with a fence at every tool server, shown, asked and tried. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { DEFAULT_POLICY } from '@chimera/infra/policies/default-policy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type GatewayRig, openGatewayRig, problemIn } from './gateway-rig.ts'
import { type FakeServer, openFakeServer } from './keeper-tool-server.ts'

let rig: GatewayRig
let server: FakeServer

beforeAll(async () => {
  rig = await openGatewayRig()
  server = await openFakeServer()
  await upsertAccount(rig.database, {
    account: 'x-simulated',
    server: 'tweet',
    url: `http://127.0.0.1:${server.port}`,
    backend: 'simulated',
    live: false,
    bindings: [],
  })
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const source = (rules: string): string => `policy: 1\nname: mine\nrules:\n${rules}`
const NO_POSTS = source('  - { id: never, effect: deny, why: No., when: { action: tweet.post } }\n')
const ask = async (path: string, body: unknown): Promise<unknown> => {
  const answer = await rig.post(path, body)
  expect(answer.status).toBe(200)
  return answer.json()
}
const request = (over: object = {}) => ({
  tenant: DEFAULT_TENANT,
  agent: 'default',
  tool: 'post_tweet',
  mode: 'paper',
  label: 'owner',
  time: '2026-11-21T12:00:00Z',
  ...over,
})

describe('the policy of a tenant', () => {
  test('is the one that ships until another is applied', async () => {
    const shown: unknown = await (await rig.ask('/v1/policy')).json()
    expect(shown).toMatchObject({ policy: 'default@0', version: 0, source: DEFAULT_POLICY })
    const about: unknown = await (await rig.ask('/v1/policy?action=upgrade')).json()
    expect(about).toMatchObject({ rules: [{ id: 'live' }, { id: 'upgrades' }] })
  })

  test('is applied with a fence at every tool server, never over one unseen', async () => {
    const applied = await ask('/v1/policy', { source: NO_POSTS, note: 'quiet', expect_version: 0 })
    expect(applied).toMatchObject({
      policy: 'mine@1',
      epoch: 1,
      tools: [{ name: 'tweet', result: 'fenced' }],
      findings: [{ message: 'No rule allows anything: everything is denied.' }],
    })
    expect(server.asked.at(-1)).toBe(`fence tenant:${DEFAULT_TENANT} 1 false`)
    const late = await rig.post('/v1/policy', { source: NO_POSTS, expect_version: 0 })
    expect(await problemIn(late)).toMatchObject({ code: 'VERSION_CONFLICT', status: 409 })
    const list: unknown = await (await rig.ask('/v1/policy/versions')).json()
    expect(list).toMatchObject({ in_force: 1, versions: [{ version: 1, note: 'quiet' }] })
  })

  test('leaves a stop standing', async () => {
    const scope = `tenant:${DEFAULT_TENANT}`
    await ask('/v1/stop', { scope })
    expect(await ask('/v1/policy', { source: DEFAULT_POLICY })).toMatchObject({ epoch: 3 })
    expect(server.asked.at(-1)).toBe(`fence ${scope} 3 true`)
    await ask('/v1/resume', { scope })
  })

  test('names a tool server that is out of reach', async () => {
    await using away = await openFakeServer()
    const account = { account: 'away', server: 'away', backend: 'simulated', live: false }
    await upsertAccount(rig.database, {
      ...account,
      url: `http://127.0.0.1:${away.port}`,
      bindings: [],
    })
    await away[Symbol.asyncDispose]()
    const applied = await ask('/v1/policy', { source: DEFAULT_POLICY })
    expect(applied).toMatchObject({
      tools: expect.arrayContaining([{ name: 'away', result: 'unreachable' }]),
    })
  })

  test.each([
    [
      'a number for an amount',
      source('  - { id: a, effect: deny, why: x, when: { usd: { gt: 1e3 } } }'),
    ],
    [
      'a list that is not there',
      source('  - { id: a, effect: deny, why: x, when: { agent: $x } }'),
    ],
    ['two rules of one id', source('  - &a { id: a, effect: deny, why: x, when: {} }\n  - *a')],
    ['no YAML', 'policy: [1'],
    ['an unknown field', `${NO_POSTS}    then: x\n`],
    [
      'an address that is none',
      source('  - { id: a, effect: deny, why: x, when: { recipient: "0x 1" } }'),
    ],
  ])('is refused with %s, and nothing changes', async (_, bad) => {
    const before: unknown = await (await rig.ask('/v1/policy')).json()
    const problem = await problemIn(await rig.post('/v1/policy', { source: bad }))
    expect(problem).toMatchObject({ code: 'POLICY_INVALID', status: 422 })
    expect(await (await rig.ask('/v1/policy')).json()).toEqual(before)
  })
})

describe('questions', () => {
  test('are answered by the version in force, by another, or by a text', async () => {
    const requests = [request({ id: 'a' }), request({ id: 'b', tool: 'sign_hash' })]
    expect(await ask('/v1/policy/evaluate', { requests })).toMatchObject({
      decisions: [
        { id: 'a', decision: 'allow', rules: ['simulated-posts'] },
        { id: 'b', decision: 'deny', rules: [], code: 'POLICY_NO_RULE' },
      ],
    })
    expect(await ask('/v1/policy/evaluate', { requests, version: 1 })).toMatchObject({
      decisions: [{ rules: ['never'], policy: 'mine@1' }, { code: 'POLICY_NO_RULE' }],
    })
    expect(await ask('/v1/policy/explain', { request: request(), source: NO_POSTS })).toMatchObject(
      {
        decision: { decision: 'deny' },
        rules: [{ rule: 'never', applies: 'yes', conditions: [{ name: 'action', holds: 'yes' }] }],
      },
    )
    expect(await ask('/v1/policy/diff', { source: NO_POSTS, version: 0 })).toMatchObject({
      changes: expect.arrayContaining([
        { what: 'rule', id: 'reads', before: expect.anything(), after: null },
      ]),
    })
    expect(await ask('/v1/policy/simulate', { source: NO_POSTS })).toEqual({
      days: 31,
      decisions: 0,
      outcomes: {},
      changed: [],
    })
    const unknown = await rig.post('/v1/policy/explain', { effect: newId() })
    expect(await problemIn(unknown)).toMatchObject({ code: 'DECISION_NOT_FOUND' })
  })

  test('about prices: the newest counts', async () => {
    for (const usd of ['3000', '3150.25']) {
      const body = { asset: 'ETH', decimals: 18, usd }
      expect((await rig.post('/v1/policy/prices', body)).status).toBe(201)
    }
    const found: unknown = await (await rig.ask('/v1/policy/prices')).json()
    expect(found).toMatchObject({ prices: [{ asset: 'ETH', usd: '3150.250000', decimals: 18 }] })
    const bad = await rig.post('/v1/policy/prices', { asset: 'ETH', decimals: 18, usd: '1e3' })
    expect(await problemIn(bad)).toMatchObject({ code: 'INPUT_INVALID' })
  })
})
