import type { GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { LedgerLine } from '@chimera/contracts/tool-control'
import { createKey } from '@chimera/mcp-kit/testing/test-judge'
import { expect } from 'vitest'

import { guarantee, sampleSize, type Random } from '../guarantee.ts'
import { openRig, TOKENS, type Rig } from '../integration/tool-rig.ts'

const args = { text: 'never to be said', is_ai_labeled: true }

/** One way to lie about a grant; answers what is carried instead of it. */
type Lie = (rig: Rig, claims: GrantClaims, random: Random) => Promise<string>

const strange = createKey()

const part = (jws: string, index: number): string => jws.split('.')[index] ?? ''
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Another payload under the signature of the true one. */
const altered =
  (change: (claims: GrantClaims) => object): Lie =>
  async (rig, claims) => {
    const jws = await rig.judge.sign('grant', claims)
    return `${part(jws, 0)}.${encode({ ...claims, ...change(claims) })}.${part(jws, 2)}`
  }

/** Signed by the Judge, but not for this call. */
const reaimed =
  (change: (claims: GrantClaims) => object): Lie =>
  async (rig, claims) =>
    rig.judge.sign('grant', { ...claims, ...change(claims) })

const LIES: Readonly<Record<string, Lie>> = {
  'signed by a strange key': async (rig, claims) => rig.judge.sign('grant', claims, strange),
  'signed by a strange key under the name of the right one': async (rig, claims) =>
    rig.judge.sign('grant', claims, { ...strange, kid: rig.judge.key.kid }),
  'not signed at all': async (_rig, claims) =>
    `${encode({ alg: 'none', typ: 'chimera-grant+jwt' })}.${encode(claims)}.`,
  'another algorithm': async (rig, claims) => {
    const jws = await rig.judge.sign('grant', claims)
    const header = encode({ alg: 'HS256', kid: rig.judge.key.kid, typ: 'chimera-grant+jwt' })
    return `${header}.${part(jws, 1)}.${part(jws, 2)}`
  },
  'a key inside the header': async (rig, claims) => {
    const jws = await rig.judge.sign('grant', claims, strange)
    const header = { alg: 'EdDSA', typ: 'chimera-grant+jwt', jwk: strange.publicJwk }
    return `${encode(header)}.${part(jws, 1)}.${part(jws, 2)}`
  },
  'a hello for a grant': async (rig) => rig.judge.hello(rig.status),
  'a void for a grant': async (rig, claims) => rig.judge.voidOf(rig.status, claims),
  'a bit turned': async (rig, claims, random) => {
    const jws = await rig.judge.sign('grant', claims)
    // Not the last character: base64url ignores some of its bits, so the bytes could be the same.
    const at = random.integer(0, jws.length - 2)
    const other = jws[at] === 'A' ? 'B' : 'A'
    return `${jws.slice(0, at)}${other}${jws.slice(at + 1)}`
  },
  'cut short': async (rig, claims, random) => {
    const jws = await rig.judge.sign('grant', claims)
    return jws.slice(0, random.integer(0, jws.length - 1))
  },
  'a longer life': altered(({ exp }) => ({ exp: exp + 3600 })),
  'another round': altered(() => ({ round: 2 })),
  'no limits': altered(() => ({ limits: { ai_label_required: false } })),
  'another account': reaimed(() => ({ aud: 'somebody-else' })),
  'another ledger': reaimed(() => ({ ledger_id: newId() })),
  'another boot': reaimed(() => ({ boot: newId() })),
  'another tool': reaimed(() => ({ tool: 'reply_tweet' })),
  'another mode': reaimed(() => ({ mode: 'live' })),
  'another goal': reaimed(() => ({ goal: newId() })),
  'another slot': reaimed(() => ({ slot: 'pay:1' })),
  'another tenant': reaimed(() => ({ tenant: newId() })),
  'other arguments': reaimed(() => ({ args_hash: 'f'.repeat(64) })),
  'another definition': reaimed(() => ({ definition_hash: 'f'.repeat(64) })),
  'another life of the record': reaimed(() => ({ incarnation: newId() })),
  'a life of an hour': reaimed(({ iat }) => ({ exp: iat + 3600 })),
  expired: reaimed(({ iat, exp }) => ({ iat: iat - 120, exp: exp - 120 })),
  'an epoch below the fence': reaimed(() => ({ fences: {} })),
  'a claim that no schema knows': reaimed(() => ({ note: 'let me in' })),
}

async function claimsOf(rig: Rig): Promise<string[]> {
  const response = await fetch(`${rig.url}/control/ledger`, {
    headers: { authorization: `Bearer ${TOKENS.control}` },
  })
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  return lines
    .map((line) => LedgerLine.parse(JSON.parse(line)))
    .filter(({ claimed_at: claimedAt }) => claimedAt !== null)
    .map(({ grant_id: grantId }) => grantId)
}

const FORGED = sampleSize({ ci: 200, full: 2000 })

guarantee(
  {
    id: 'grants-forged',
    title: 'forged, altered, expired and re-aimed grants claim nothing',
    n: FORGED,
    seed: 11,
    timeoutMs: 120_000 + FORGED * 600,
  },
  async ({ n, random }) => {
    await using rig = await openRig({ TWEET_COOLDOWN_MS: '1' })
    await rig.fence('everything', 1, false)
    const client = await rig.connect()
    const lies = Object.entries(LIES)
    for (let k = 0; k < n; k += 1) {
      const [name, lie] = lies[k % lies.length] ?? random.pick(lies)
      const claims = rig.claims({ args, fences: { everything: 1 } })
      const grant = await lie(rig, claims, random)
      const reply = await rig.call(claims, args, { grant, client })
      expect(['NONE', 'VOID'], name).toContain(reply.status)
    }
    await client.close()
    expect(await claimsOf(rig)).toEqual([])
    expect(rig.posts()).toEqual([])
    // The very same call with a true grant is done: it was not the arguments.
    const claims = rig.claims({ args, fences: { everything: 1 } })
    expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
  },
)

guarantee(
  {
    id: 'grant-replayed',
    title: 'one grant sent many times from eight connections is one effect',
    n: sampleSize({ ci: 80, full: 1000 }),
    seed: 12,
    timeoutMs: 300_000,
  },
  async ({ n }) => {
    await using rig = await openRig({ TWEET_COOLDOWN_MS: '1' })
    await rig.tellX({ duplicate_check: false })
    const claims = rig.claims({ args })
    const grant = await rig.judge.sign('grant', claims)
    const clients = await Promise.all(Array.from({ length: 8 }, async () => rig.connect()))
    const statuses = await Promise.all(
      Array.from({ length: n }, async (_none, k) => {
        const client = clients[k % clients.length]
        return (await rig.call(claims, args, { grant, ...(client && { client }) })).status
      }),
    )
    await Promise.all(clients.map(async (client) => client.close()))
    expect(new Set(statuses)).toSatisfy((seen: Set<string>) => seen.has('CONFIRMED'))
    expect(await claimsOf(rig)).toEqual([claims.jti])
    expect(rig.posts()).toHaveLength(1)
  },
)
