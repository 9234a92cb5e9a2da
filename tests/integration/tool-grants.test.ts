import type { GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { createKey, writeKeySet } from '@chimera/mcp-kit/testing/test-judge'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openRig, type Rig } from './tool-rig.ts'

/**
 * The order of checks at the tool (design.md section 5 item 2), over the wire, by real processes.
 */

let rig: Rig
let serial = 0
beforeAll(async () => {
  rig = await openRig({ TWEET_COOLDOWN_MS: '1' })
})
afterAll(async () => rig[Symbol.asyncDispose]())

/** The name of an image that nobody added. */
const IMAGE = `sha256:${'0'.repeat(64)}`

const fresh = () => ({ text: `granted tweet ${(serial += 1)}`, is_ai_labeled: true })
const stateOf = async (grantId: string): Promise<string | undefined> =>
  (await rig.reconcile([grantId])).receipts[0]?.state

const past = (seconds: number, { iat, exp }: GrantClaims) => ({
  iat: iat - seconds,
  exp: exp - seconds,
})

describe('a grant that the ledger does not know', () => {
  const cases: readonly {
    title: string
    status: 'NONE' | 'VOID'
    code: string
    change: (claims: GrantClaims) => Partial<GrantClaims>
    args?: (args: Record<string, unknown>) => Record<string, unknown>
  }[] = [
    {
      title: 'of another account',
      status: 'NONE',
      code: 'GRANT_INVALID',
      change: () => ({ aud: 'b' }),
    },
    {
      title: 'of another slot',
      status: 'NONE',
      code: 'GRANT_INVALID',
      change: () => ({ slot: 'publish:2' }),
    },
    {
      title: 'of another boot, expired as well',
      status: 'NONE',
      code: 'BOOT_CHANGED',
      change: (claims) => ({ boot: newId(), ...past(600, claims) }),
    },
    {
      title: 'of another life of the record, expired as well',
      status: 'NONE',
      code: 'INCARNATION_CHANGED',
      change: (claims) => ({ incarnation: newId(), ...past(600, claims) }),
    },
    {
      title: 'for another definition, expired as well',
      status: 'VOID',
      code: 'GRANT_INVALID',
      change: (claims) => ({ definition_hash: '0'.repeat(64), ...past(600, claims) }),
    },
    {
      title: 'with other arguments',
      status: 'NONE',
      code: 'GRANT_INVALID',
      change: () => ({}),
      args: (args) => ({ ...args, text: `${String(args['text'])}!` }),
    },
    {
      title: 'that has expired, with arguments that do not fit',
      status: 'VOID',
      code: 'GRANT_EXPIRED',
      change: (claims) => past(60, claims),
    },
    {
      title: 'above its cost',
      status: 'VOID',
      code: 'LIMIT_EXCEEDED',
      change: () => ({ limits: { ai_label_required: true, max_cost_usd_micros: '1' } }),
    },
  ]
  test.each(cases)('$title is $status $code', async ({ status, code, change, args: alter }) => {
    const args = fresh()
    const posts = rig.posts().length
    const claims = rig.claims({ args })
    const changed = { ...claims, ...change(claims) }
    const reply = await rig.call(changed, alter?.(args) ?? args)
    expect(reply).toMatchObject({ isError: true, status, code })
    expect(await stateOf(claims.jti)).toBe(status === 'VOID' ? 'VOID' : undefined)
    expect(rig.posts()).toHaveLength(posts)
    // Without a tombstone the grant is still good for the right call; with one it never is.
    const right = await rig.call(claims, args)
    if (status === 'NONE') expect(right.status).toBe('CONFIRMED')
    else expect(right).toMatchObject({ status: 'VOID', code })
  })

  test.each([
    ['with a field that no schema knows', { extra: 1 }, 'INPUT_INVALID'],
    ['with blanks around its text', { text: ' blank ' }, 'INPUT_INVALID'],
    ['with five media', { media_ids: Array(5).fill(IMAGE) }, 'INPUT_INVALID'],
    ['with a path for an image', { media_ids: ['/etc/passwd'] }, 'INPUT_INVALID'],
    ['with an image that is not here', { media_ids: [IMAGE] }, 'INPUT_INVALID'],
    ['with a label of another type', { is_ai_labeled: 'yes' }, 'INPUT_INVALID'],
    ['with a text above 280 by weight', { text: 'a'.repeat(281) }, 'TEXT_TOO_LONG'],
  ])('%s is VOID', async (_title, other, code) => {
    const args = { ...fresh(), ...other }
    const reply = await rig.call(rig.claims({ args }), args)
    expect(reply).toMatchObject({ status: 'VOID', code, receipt: { state: 'VOID', code } })
  })

  test('of a mode that the back end does not serve is VOID', async () => {
    const args = fresh()
    const reply = await rig.call(rig.claims({ args, mode: 'live' }), args)
    expect(reply).toMatchObject({ status: 'VOID', code: 'MODE_FORBIDDEN' })
  })

  test('of mode dry is a rehearsal that X never hears of', async () => {
    const args = fresh()
    const requests = rig.requests().length
    const reply = await rig.call(rig.claims({ args, mode: 'dry' }), args)
    expect(reply.receipt).toMatchObject({ state: 'CONFIRMED', simulated: true, mode: 'dry' })
    expect(rig.requests()).toHaveLength(requests)
  })
})

test('a grant becomes one post and a signed receipt, however often it comes', async () => {
  const args = fresh()
  const claims = rig.claims({ args })
  const called = await rig.call(claims, args)
  expect(called).toMatchObject({ isError: false, status: 'CONFIRMED' })
  expect(called.receipt).toMatchObject({
    state: 'CONFIRMED',
    grant_id: claims.jti,
    effect_key: claims.effect_key,
    args_hash: claims.args_hash,
    iss: 'x-simulated',
    ledger_id: rig.status.ledger.id,
    boot: rig.status.ledger.boot,
    simulated: true,
    cost_usd_micros: '15000',
    provider_ref: rig.posts().at(-1)?.id,
  })
  const again = await rig.call(claims, args)
  expect(again.receipt).toMatchObject({ state: 'CONFIRMED', seq: called.receipt?.seq })
  expect(rig.posts().filter(({ id }) => id === called.receipt?.provider_ref)).toHaveLength(1)
})

test('a key that leaves the file takes its grants with it, at once', async () => {
  const args = fresh()
  const claims = rig.claims({ args })
  writeKeySet(rig.judge.jwksFile, [createKey()])
  expect(await rig.call(claims, args)).toMatchObject({ status: 'NONE', code: 'GRANT_INVALID' })
  writeKeySet(rig.judge.jwksFile, [rig.judge.key, createKey()])
  expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
})

test('a void ends a grant that never came, and says of one that came what it did', async () => {
  const args = fresh()
  const never = rig.claims({ args })
  expect(await rig.askVoid(never)).toMatchObject({ state: 'VOID', code: 'GRANT_EXPIRED' })
  expect(await rig.call(never, args)).toMatchObject({ status: 'VOID' })
  const came = rig.claims({ args })
  await rig.call(came, args)
  expect(await rig.askVoid(came)).toMatchObject({ state: 'CONFIRMED' })
})

test('a restarted server is closed, then knows all that it knew', async () => {
  const args = fresh()
  const claims = rig.claims({ args })
  await rig.call(claims, args)
  const waiting = rig.claims({ args: fresh() })
  await rig.tool.kill('SIGTERM')
  expect(await rig.tool.exited).toEqual({ code: 0, signal: null })
  await rig.startTool({ env: { TWEET_COOLDOWN_MS: '1' }, hello: false })
  expect(rig.status).toMatchObject({ state: 'closed' })
  expect(await rig.call(claims, args)).toMatchObject({ status: 'NONE', code: 'SERVER_CLOSED' })
  await rig.hello()
  expect(rig.status).toMatchObject({ state: 'open' })
  expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
  const stale = await rig.call(waiting, {})
  expect(stale).toMatchObject({ status: 'NONE', code: 'BOOT_CHANGED' })
  expect(await rig.askVoid(waiting)).toMatchObject({ state: 'VOID' })
})
