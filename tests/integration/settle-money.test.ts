/** Money that no provider could tell the end of: two people, or nobody. */
import { generateKeyPairSync } from 'node:crypto'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Role } from '@chimera/contracts/tenancy/roles'
import { decideSettlement } from '@chimera/domain/judging/decide-settlement'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { openJudgeWords } from '@chimera/infra/signing/judge-words'
import { signSettlements } from '@chimera/judge/sign-persons-words'
import { afterAll, beforeAll, expect } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { insertEffect } from './effects/effect-in-state.ts'
import { openGatewayRig, type GatewayRig } from './gateway-rig.ts'

const ACCOUNT = 'wallet:simulated'
let rig: GatewayRig

beforeAll(async () => {
  rig = await openGatewayRig()
  const bindings = [{ tenantId: DEFAULT_TENANT, agentId: '*', tool: 'transfer_native' }]
  const server = { server: 'wallet', url: 'http://127.0.0.1:9', backend: 'simulated', live: false }
  await upsertAccount(rig.database, { account: ACCOUNT, ...server, bindings })
  await rig.database.query({
    text: "UPDATE tool_accounts SET state = 'open', boot = $1, ledger_id = $2",
    values: [newId(), newId()],
  })
})
afterAll(() => rig[Symbol.asyncDispose]())

type Person = Readonly<{ id: string; secret: string; name: string }>

/** A token of somebody; of the same user as another one where `user` says so. */
async function person(
  of: { roles?: readonly Role[]; user?: string; scopes?: readonly ('admin' | 'write')[] } = {},
): Promise<Person> {
  const { roles = ['approver'], user, scopes = [] } = of
  if (user !== undefined) {
    await rig.database.query({
      text: `INSERT INTO users (tenant_id, id, version_id, email, roles, audit_id)
        VALUES ($1, $2, $3, $4, '{approver}', $3) ON CONFLICT DO NOTHING`,
      values: [DEFAULT_TENANT, user, newId(), `${user}@example.org`],
    })
  }
  const made = { tenantId: DEFAULT_TENANT, name: newId(), scopes, roles, userId: user }
  const { token, secret } = await createToken(rig.database, { ...made, actor: 'test' })
  return { id: token.id, secret, name: user === undefined ? `token:${token.id}` : `user:${user}` }
}

/** A transfer that nobody can tell the end of. */
const addTransfer = (requestedBy: string): Promise<string> =>
  insertEffect(rig.database, {
    state: 'NEEDS_HUMAN',
    tool: 'transfer_native',
    slot: 'pay:1',
    account: ACCOUNT,
    type: 'TRANSACTION',
    kind: 'wallet.transfer',
    requestedBy,
  })

const HAPPENED = { outcome: 'happened', provider_ref: '0xabc', reason: 'I saw it' }
const DID_NOT = { outcome: 'did_not_happen', reason: 'I looked' }

const say = async (id: string, by: Person, body: object = HAPPENED): Promise<number> =>
  (await rig.post(`/v1/effects/${id}/settle`, body, { authorization: `Bearer ${by.secret}` }))
    .status

/** Whether the Judge signs what was said of an effect. */
async function isSigned(id: string, decide: typeof decideSettlement): Promise<boolean> {
  const rows = await rig.database.query<{ id: string }>({
    text: 'SELECT id FROM effect_settlements WHERE effect_id = $1',
    values: [id],
  })
  const { privateKey } = generateKeyPairSync('ed25519')
  const words = await openJudgeWords(JSON.stringify(privateKey.export({ format: 'jwk' })))
  const { database } = rig
  await signSettlements(
    { database, words },
    rows.map((row) => row.id),
    decide,
  )
  const signed = await database.query({
    text: 'SELECT FROM effect_settlements WHERE effect_id = $1 AND jws IS NOT NULL',
    values: [id],
  })
  return signed.length > 0
}

/** Each says something about one transfer that `asked` wanted; answers whether it is signed. */
type Scene = Readonly<{ who: string; isSettled: boolean; play: (id: string) => Promise<unknown> }>

async function playAll(decide: typeof decideSettlement): Promise<void> {
  const [ann, bob, asked] = await Promise.all([person(), person(), person()])
  const user = `carl-${newId()}`
  const [carl, carlToo] = [await person({ user }), await person({ user })]
  const scenes: readonly Scene[] = [
    { who: 'nobody', isSettled: false, play: async () => undefined },
    { who: 'one person', isSettled: false, play: (id) => say(id, ann) },
    {
      who: 'one person twice',
      isSettled: false,
      play: async (id) => [await say(id, ann), await say(id, ann)],
    },
    {
      who: 'one user with two tokens',
      isSettled: false,
      play: async (id) => [await say(id, carl), await say(id, carlToo)],
    },
    {
      who: 'one person and whoever asked for it',
      isSettled: false,
      play: async (id) => [await say(id, ann), await say(id, asked)],
    },
    {
      who: 'two people who disagree',
      isSettled: false,
      play: async (id) => [await say(id, ann), await say(id, bob, DID_NOT)],
    },
    {
      who: 'two people who name different transactions',
      isSettled: false,
      play: async (id) => [
        await say(id, ann),
        await say(id, bob, { ...HAPPENED, provider_ref: '0xdef' }),
      ],
    },
    {
      who: 'two people of whom one may not approve any more',
      isSettled: false,
      play: async (id) => {
        const gone = await person()
        await Promise.all([say(id, ann), say(id, gone)])
        await rig.database.query({
          text: 'UPDATE api_tokens SET revoked_at = now() WHERE id = $1',
          values: [gone.id],
        })
      },
    },
    {
      who: 'somebody who may not approve',
      isSettled: false,
      play: async (id) => {
        const writer = await person({ roles: ['operator'] })
        expect(await say(id, writer)).toBe(403)
        await say(id, ann)
      },
    },
    {
      who: 'two people',
      isSettled: true,
      play: async (id) => [await say(id, ann), await say(id, bob)],
    },
  ]
  for (const { who, isSettled, play } of scenes) {
    const id = await addTransfer(asked.name)
    await play(id)
    expect(await isSigned(id, decide), `settled by ${who}`).toBe(isSettled)
  }
}

guarantee(
  {
    id: 'money-two-people',
    title: 'money is settled by two people who say the same, or not at all',
    n: 10,
    seed: 5,
  },
  async () => playAll(decideSettlement),
)

control(
  { guard: 'the second person', test: 'money-two-people', expect: /settled by one person/ },
  async () => playAll((of) => decideSettlement({ ...of, people: 2 })),
)
