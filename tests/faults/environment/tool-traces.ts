/**
 * The traces that `effects.py ablate` prints, on tool servers that are processes of their own. The
 * test is the Judge: it believes receipts and nothing else, and grants the next round only after a
 * closed one. What goes wrong without a guard is what the model says goes wrong.
 */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { type GrantClaims, GRANT_SECONDS, type ReceiptClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { LedgerLine } from '@chimera/contracts/tool-control'
import { expect } from 'vitest'

import { eventually } from '../../e2e/stack-rig.ts'
import { Rig, TOKENS } from '../../integration/tool-rig.ts'

/** A trace, on the server of the product or on one that is composed without a guard. */
export type Trace = (composed?: readonly string[]) => Promise<void>

type Env = Readonly<Record<string, string>>

const FAST: Env = {
  TWEET_COOLDOWN_MS: '1',
  TWEET_ABSENCE_MS: '450',
  TWEET_SEND_TIMEOUT_MS: '500',
}
/** For a trace in which X answers everything: it is given the time that a busy machine takes. */
const ANSWERED: Env = { TWEET_SEND_TIMEOUT_MS: '9000' }
const args = { text: 'said once', is_ai_labeled: true }

export async function withTool(
  body: (rig: Rig, composed: readonly string[] | undefined) => Promise<void>,
  of: { composed?: readonly string[] | undefined; env?: Env },
): Promise<void> {
  await using rig = new Rig()
  await rig.startX({ inside: true })
  // A second post has to show.
  await rig.tellX({ duplicate_check: false })
  await rig.startTool({ env: { ...FAST, ...of.env }, ...partsOf(of.composed) })
  await body(rig, of.composed)
}

const partsOf = (composed: readonly string[] | undefined) =>
  composed === undefined ? {} : { composed }

const trace =
  (body: (rig: Rig, composed: readonly string[] | undefined) => Promise<void>, env: Env = {}) =>
  (composed?: readonly string[]): Promise<void> =>
    withTool(body, { composed, env })

/** The next round of a slot whose rounds so far are closed. */
export const nextRound = (rig: Rig, claims: GrantClaims, other: Partial<GrantClaims> = {}) =>
  rig.claims({
    args,
    goal: claims.goal,
    round: claims.round + 1,
    closed_rounds: [...claims.closed_rounds, claims.round],
    ...other,
  })

const CLOSED: ReadonlySet<string> = new Set(['VOID', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED'])

/** What a record does with a receipt: a round that was closed without effect has its next one. */
export async function believe(
  rig: Rig,
  claims: GrantClaims,
  receipt: ReceiptClaims | undefined,
): Promise<void> {
  if (receipt !== undefined && CLOSED.has(receipt.state)) {
    await rig.call(nextRound(rig, claims), args)
  }
}

export const expectOnePost = (rig: Rig): void =>
  expect(rig.posts(), 'I1 provider effects for one intended effect').toHaveLength(1)

export async function ledgerOf(rig: Rig): Promise<LedgerLine[]> {
  const headers = { authorization: `Bearer ${TOKENS.control}` }
  const text = await (await fetch(`${rig.url}/control/ledger`, { headers })).text()
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => LedgerLine.parse(JSON.parse(line)))
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000)

/** A grant that runs out so many seconds from now. */
const runsOutIn = (seconds: number): Partial<GrantClaims> => ({
  iat: nowSeconds() + seconds - GRANT_SECONDS,
  exp: nowSeconds() + seconds,
})

/** A grant is taken for dead, its next round is done, and then it comes after all. */
export const voidedGrantComes = trace(async (rig) => {
  const claims = rig.claims({ args })
  expect(await rig.askVoid(claims)).toMatchObject({ state: 'VOID' })
  await rig.call(nextRound(rig, claims), args)
  await rig.call(claims, args)
  expectOnePost(rig)
}, ANSWERED)

/** A record that forgot its grant signs another one for the same round. */
export const roundGrantedTwice = trace(async (rig) => {
  const claims = rig.claims({ args })
  await rig.call(claims, args)
  const again = await rig.call({ ...claims, jti: newId() }, args)
  expectOnePost(rig)
  expect(again).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
}, ANSWERED)

/** The answer was lost; when the grant comes again it has run out. */
export const expiredComesAgain = trace(async (rig) => {
  // What takes longest is over before the grant is signed.
  const client = await rig.connect()
  const claims = rig.claims({ args, ...runsOutIn(3) })
  const called = await rig.call(claims, args, { client })
  await client.close()
  expect(called).toMatchObject({ status: 'CONFIRMED' })
  await sleep(claims.exp * 1_000 - Date.now() + 200)
  const again = await rig.call(claims, args)
  expect(again.receipt?.state, 'I7 what the record is told of what happened').toBe('CONFIRMED')
  await believe(rig, claims, again.receipt)
  expectOnePost(rig)
}, ANSWERED)

/** A grant has run out before it is claimed. */
export const expiredBeforeClaim = trace(async (rig) => {
  const claims = rig.claims({ args, ...runsOutIn(-1) })
  const { receipt } = await rig.call(claims, args)
  const [entry] = await ledgerOf(rig)
  expect(entry?.claimed_at ?? null, 'I2 claimed on an expired grant').toBeNull()
  expect(receipt).toMatchObject({ state: 'VOID', code: 'GRANT_EXPIRED' })
  await believe(rig, claims, receipt)
  expectOnePost(rig)
}, ANSWERED)

/** A grant runs out between its claim and its send. */
export const expiredBeforeSend: Trace = (composed = []) =>
  withTool(
    async (rig) => {
      const client = await rig.connect()
      const claims = rig.claims({ args, ...runsOutIn(3) })
      const { receipt } = await rig.call(claims, args, { client })
      await client.close()
      expect(rig.posts(), 'I2 sent on an expired grant').toHaveLength(0)
      expect(receipt).toMatchObject({ state: 'NOT_SENT', code: 'GRANT_EXPIRED' })
      await rig.call({ ...nextRound(rig, claims) }, args)
    },
    { composed: ['pause=3100', ...composed], env: { TWEET_SEND_TIMEOUT_MS: '9000' } },
  )

/** A post whose answer is lost is shown late, but within what X promises. */
export const shownLate = trace(
  async (rig) => {
    await rig.tellX({ fault: 'cut', timeline_delay_ms: 1_000 })
    const claims = rig.claims({ args })
    expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
    await believe(rig, claims, await rig.settled(claims.jti))
    expectOnePost(rig)
  },
  { TWEET_ABSENCE_MS: '3000' },
)

/** A slot whose post never arrived, and one of the same words whose post did. */
async function sendBoth(rig: Rig, alive: GrantClaims): Promise<GrantClaims> {
  await rig.tellX({ fault: 'reset_before' })
  const dead = rig.claims({ args })
  expect(await rig.call(dead, args)).toMatchObject({ status: 'UNKNOWN' })
  await rig.tellX({ fault: 'cut' })
  expect(await rig.call(alive, args)).toMatchObject({ status: 'UNKNOWN' })
  return dead
}

/** Two slots say the same, and one of the two posts died on its way. */
export const sameWords = trace(
  async (rig) => {
    const alive = rig.claims({ args })
    const dead = await sendBoth(rig, alive)
    const states = [(await rig.settled(dead.jti)).state, (await rig.settled(alive.jti)).state]
    expect(states, 'I7 what nobody can tell').toEqual(['NEEDS_HUMAN', 'NEEDS_HUMAN'])
  },
  { TWEET_ABSENCE_MS: '4000' },
)

/** Claimed before a stop, and on its way again after the resume. */
export const resumedBeforeSend: Trace = (composed = []) =>
  withTool(
    async (rig) => {
      const call = rig.call(rig.claims({ args }), args)
      call.catch(() => undefined)
      await eventually(async () => (await ledgerOf(rig)).length === 1, 10_000, 'it is claimed')
      await rig.fence('everything', 1)
      await rig.fence('everything', 2, false)
      const { receipt } = await call
      expect(rig.posts(), 'I3b a grant from before the stop leaves after it').toHaveLength(0)
      expect(receipt).toMatchObject({ state: 'NOT_SENT', code: 'FENCED' })
    },
    { composed: ['pause=1200', ...composed], env: { TWEET_SEND_TIMEOUT_MS: '5000' } },
  )

/** A stop, a restart that nobody tells of it, and a grant from before. */
export const restartedAfterStop = trace(async (rig, composed) => {
  const claims = rig.claims({ args })
  await rig.fence('everything', 1)
  await rig.tool.kill()
  await rig.startTool({ env: FAST, ...partsOf(composed), hello: false })
  await rig.hello({ fences: {} })
  await rig.call(claims, args)
  expect(rig.posts(), 'I3 effect leaves after the stop').toHaveLength(0)
}, ANSWERED)

/** Nothing is proved to be absent in the time of a test. */
const PATIENT: Env = { ...ANSWERED, TWEET_ABSENCE_MS: '20000' }

/** The record has closed a round that the ledger cannot tell of. */
export const closedByTheRecord = trace(async (rig) => {
  await rig.tellX({ fault: 'reset_before' })
  const claims = rig.claims({ args })
  expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
  const next = await rig.call(nextRound(rig, claims), args)
  expect(next.code, 'I6 round 2 of a slot whose round 1 is closed').toBeUndefined()
  expect(next).toMatchObject({ status: 'CONFIRMED' })
  expectOnePost(rig)
}, PATIENT)

const FILES = ['', '-wal', '-shm'] as const

const loseLedger = (rig: Rig): void => {
  for (const suffix of FILES) rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
}

/** It happened, the ledger is lost before anybody heard of it, and the grant comes once more. */
export const strayOfLostLedger = trace(async (rig, composed) => {
  const claims = rig.claims({ args })
  await rig.call(claims, args)
  await rig.tool.kill()
  loseLedger(rig)
  await rig.startTool({ env: FAST, ...partsOf(composed) })
  const stray = await rig.call(claims, args)
  await believe(rig, claims, stray.receipt)
  expectOnePost(rig)
  expect(stray).toMatchObject({ status: 'NONE', code: 'LEDGER_BEHIND', receipt: undefined })
}, ANSWERED)

/** Its grant was taken for dead, the ledger that knows is lost, and then the grant comes. */
export const voidedInLostLedger = trace(async (rig, composed) => {
  const claims = rig.claims({ args })
  expect(await rig.askVoid(claims)).toMatchObject({ state: 'VOID' })
  await rig.tool.kill()
  loseLedger(rig)
  await rig.startTool({ env: FAST, ...partsOf(composed) })
  await rig.adopt()
  expect(await rig.hello()).toMatchObject({ state: 'open' })
  await rig.call(claims, args)
  expect(rig.posts(), 'I4 an effect of a round that the record has closed').toHaveLength(0)
  await rig.call(nextRound(rig, claims), args)
  expectOnePost(rig)
}, ANSWERED)

/** A look-up that errs, and a second round while the first one is open. */
export const secondOpenRound = trace(async (rig, composed) => {
  // An index is taken out at a start that finds it.
  await rig.tool.kill()
  await rig.startTool({ env: FAST, ...partsOf(composed) })
  await rig.tellX({ fault: 'cut', timeline_delay_ms: 400 })
  const claims = rig.claims({ args })
  expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
  await rig.call(nextRound(rig, claims, { closed_rounds: [] }), args)
  expectOnePost(rig)
})

/** Two open rounds with the same words are both open for long enough to be seen so. */
const SLOW_PROOF: Env = { ...ANSWERED, TWEET_ABSENCE_MS: '3000' }

/**
 * A person says that a round did not happen; before the word arrives that round is closed, and the
 * next one has happened and waits for a person, too.
 */
export const personsWordComesLate = trace(async (rig) => {
  await rig.tellX({ fault: 'reset_before' })
  const first = rig.claims({ args })
  expect(await rig.call(first, args)).toMatchObject({ status: 'UNKNOWN' })
  expect(await rig.settled(first.jti)).toMatchObject({ state: 'NOT_HAPPENED' })
  const second = nextRound(rig, first)
  await sendBoth(rig, second)
  expect(await rig.settled(second.jti)).toMatchObject({ state: 'NEEDS_HUMAN' })
  const word = { outcome: 'did_not_happen' } as const
  const said = await rig.settle(first, word)
  if (said.grant_id === second.jti) await believe(rig, second, said)
  expectOnePost(rig)
  expect(said).toMatchObject({ grant_id: first.jti, state: 'NOT_HAPPENED' })
}, SLOW_PROOF)
