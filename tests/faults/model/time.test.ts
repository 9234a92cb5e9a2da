/** What time may do to a grant, and when absence is proved. */
import { settleBudgets } from '@chimera/infra/database/budgets/settle-budgets'
import type { Reconciler } from '@chimera/mcp-kit/protocol/reconcile'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { expect } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'
import { withoutChecks } from '../../without-guards.ts'
import { expectSound } from './invariants.ts'
import type { ProtocolRig } from './protocol-rig.ts'
import {
  askVoids,
  claimAndSend,
  deliver,
  finish,
  grantSlot,
  greet,
  planSlot,
  reconcile,
  record,
  sendAndTimeOut,
  statesOf,
  type Grant,
  type Slot,
} from './steps.ts'
import type { Answer } from './tool-life.ts'
import { rule, runTrace } from './traces.ts'
import { openShared } from './without.ts'

const GRANT_MS = 61_000
/** X's bound, with the deadline of the send before it and the two reads after it. */
const BOUND_MS = 900_000 + 10_000

/** `keeper expires g, releases budget`: what a clock must not do, tried on the record itself. */
async function expireByClock(rig: ProtocolRig, { effectId }: Grant): Promise<unknown> {
  return rig.record.database
    .transaction(async (tx) => {
      const text = `UPDATE effects SET state = 'EXPIRED', settled_at = now() WHERE id = $1`
      await tx.query({ text, values: [effectId] })
      await settleBudgets(tx, [{ holderId: effectId, asset: null, spent: 0n }])
    })
    .catch((error: unknown) => error)
}

async function expireWhileSending(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  const { post, answer } = await claimAndSend(rig, grant)
  await rig.pass(GRANT_MS)
  const refused = await expireByClock(rig, grant)
  expect(await askVoids(rig)).toEqual(refused === undefined ? [] : ['IN_PROGRESS'])
  await post.arrive()
  await expectSound(rig)
  expect(String(refused)).toMatch(/check constraint/)
  await record(rig, await answer())
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
}

const VOID_RULE = `DO $$ DECLARE rule text; BEGIN
  SELECT conname INTO STRICT rule FROM pg_constraint WHERE conrelid = 'effects'::regclass
    AND pg_get_constraintdef(oid) LIKE '%EXPIRED%' AND pg_get_constraintdef(oid) LIKE '%VOID%'
    AND pg_get_constraintdef(oid) NOT LIKE '%GRANTED%';
  EXECUTE 'ALTER TABLE effects DROP CONSTRAINT ' || rule;
END $$`

guarantee(
  {
    id: 'model-void',
    title: 'no clock ends a grant in the record: the constraint refuses, the ledger is asked',
    n: 1,
    seed: 1,
  },
  () => runTrace(expireWhileSending),
)
control(
  {
    guard: 'the constraint that only a VOID ends a grant',
    test: 'model-void',
    expect: /I4 an effect happened with no budget/,
  },
  () =>
    runTrace(async (rig, slot) => {
      await rig.record.database.query({ text: VOID_RULE })
      await expireWhileSending(rig, slot)
    }),
)

async function expireThenComeAgain(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  const { post, answer } = await claimAndSend(rig, grant)
  await rig.pass(GRANT_MS)
  post.cut()
  await answer()
  await record(rig, await deliver(rig, grant))
  await post.arrive()
  await expectSound(rig)
  await reconcile(rig)
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
}

/** Expired is refused, whatever the ledger has. */
const expiryFirst = (rules: Rules, now: () => number): Rules => ({
  ...rules,
  lookUp: (asked, own, rounds) =>
    own?.claimedMs !== undefined && own.claimedMs + 60_000 < now()
      ? { kind: 'recorded', entry: { ...own, state: 'REFUSED' } }
      : rules.lookUp(asked, own, rounds),
})

// Stricter than the model: an objection before the look-up carries no receipt, so the record would
// not believe it. The control signs one.
rule({
  name: 'ledgerfirst',
  title: 'an expired grant that comes again is told what it came to',
  trace: expireThenComeAgain,
  without: 'the look-up before the expiry',
  guards: { tool: { rules: (rules, ledger) => expiryFirst(rules, ledger.now) } },
  expect: /I4 an effect happened with no budget/,
})

async function expireBeforeClaim(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  rig.wire.isOpen = true
  rig.at('tool.grant.verified', () => void rig.pass(GRANT_MS))
  await record(rig, await deliver(rig, grant))
  const entry = rig.tool.ledger.entries.get(grant.grantId)
  if (entry.claimedMs !== undefined) throw new Error('I2 claimed on an expired grant')
  await expectSound(rig)
  expect(await statesOf(rig, slot)).toEqual(['EXPIRED'])
  rig.wire.isOpen = false
  await finish(rig, slot)
}

rule({
  name: 'expclaim',
  title: 'a grant that expires after its signature was checked is not claimed',
  trace: expireBeforeClaim,
  without: 'the look at the expiry in the claim',
  guards: { tool: { rules: (rules) => withoutChecks(rules, 'isNotExpired') } },
  expect: /I2 claimed on an expired grant/,
})

async function expireBeforeSend(rig: ProtocolRig, slot: Slot): Promise<void> {
  const claimed = await rig.tool.claim(await grantSlot(rig, slot))
  await rig.pass(GRANT_MS)
  rig.wire.isOpen = true
  claimed.send()
  const answer = await claimed.answer
  if (rig.posts().length > 0) throw new Error('I2 sent on an expired grant')
  await record(rig, answer)
  await expectSound(rig)
  expect(await statesOf(rig, slot)).toEqual(['NOT_SENT'])
  rig.wire.isOpen = false
  await finish(rig, slot)
}

rule({
  name: 'expsend',
  title: 'a grant that expires after its claim is not sent, and its next round is',
  trace: expireBeforeSend,
  without: 'the second look before the socket',
  guards: { tool: { rules: (rules) => ({ ...rules, maySend: () => undefined }) } },
  expect: /I2 sent on an expired grant/,
})

async function lookTooEarly(rig: ProtocolRig, slot: Slot): Promise<void> {
  const { post, answer } = await sendAndTimeOut(rig, await grantSlot(rig, slot))
  await record(rig, answer)
  await reconcile(rig)
  await post.arrive()
  await expectSound(rig)
  await rig.pass(10_000)
  await reconcile(rig)
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
}

const believeOneLook = (reconciler: Reconciler): Reconciler => ({
  ...reconciler,
  absence: { ...reconciler.absence, afterMs: -BOUND_MS, reads: 1 },
})

rule({
  name: 'quiesce',
  title: 'what is not there yet is not absent',
  trace: lookTooEarly,
  without: 'the bound of absence',
  guards: { tool: { reconciler: believeOneLook } },
  expect: /I4 an effect happened with no budget/,
})

/** Two slots say the same; the first one's request dies, the second one's arrives. */
async function sameWords(rig: ProtocolRig, dead: Slot): Promise<void> {
  const alive = await planSlot(rig)
  const first = await sendAndTimeOut(rig, await grantSlot(rig, dead))
  const second = await sendAndTimeOut(rig, await grantSlot(rig, alive))
  await record(rig, first.answer)
  await record(rig, second.answer)
  await second.post.arrive()
  await expectNobodyTells(rig, dead, alive)
}

async function expectNobodyTells(rig: ProtocolRig, dead: Slot, alive: Slot): Promise<void> {
  for (const ms of [1_000, BOUND_MS, 61_000, 61_000]) {
    await rig.pass(ms)
    await reconcile(rig)
  }
  await expectSound(rig)
  const [of, other] = [await statesOf(rig, dead), await statesOf(rig, alive)]
  if (of.includes('CONFIRMED')) throw new Error('I7 record says CONFIRMED, it did not happen')
  if (other.includes('NOT_HAPPENED')) throw new Error('I7 record says NOT_HAPPENED, it happened')
  expect([of, other]).toEqual([['NEEDS_HUMAN'], ['NEEDS_HUMAN']])
}

// Laxer than the model for a provider without a handle: X's absence is believed after a documented
// bound (see quiesce); the model never believes it. What words can prove is as strict.
rule({
  name: 'content',
  title: 'one post proves one of two effects only when it cannot be the other',
  trace: sameWords,
  without: 'the look at other open effects with the same words',
  guards: {
    tool: {
      reconciler: ({ absence, look }) => ({
        absence,
        look: (entry, known) => look(entry, { ...known, rivals: () => [] }),
      }),
    },
  },
  expect: /I7 record says CONFIRMED, it did not happen/,
})

/** The second one is claimed and arrives while the provider is asked about the first. */
async function sameWordsMeanwhile(rig: ProtocolRig, dead: Slot): Promise<void> {
  const alive = await planSlot(rig)
  await record(rig, (await sendAndTimeOut(rig, await grantSlot(rig, dead))).answer)
  const grant = await grantSlot(rig, alive)
  const second = Promise.withResolvers<Answer>()
  rig.wire.meanwhile = async () => {
    const { post, answer } = await sendAndTimeOut(rig, grant)
    await post.arrive()
    second.resolve(answer)
  }
  await rig.pass(1_000)
  await reconcile(rig)
  await record(rig, await second.promise)
  await expectNobodyTells(rig, dead, alive)
}

// The model looks and settles in one step; the product asks in between, and what it may conclude is
// held to what was open when the answer came.
rule({
  name: 'content-meanwhile',
  title: 'what began while the provider was asked may be what it showed',
  trace: sameWordsMeanwhile,
  without: 'the look at what is open after the answer, and not before the question',
  guards: {
    tool: {
      reconciler: ({ absence, look }) => ({
        absence,
        look: (entry, known) => {
          const before = known.rivals()
          return look(entry, { ...known, rivals: () => before })
        },
      }),
    },
  },
  expect: /I7 record says CONFIRMED, it did not happen/,
})

/** Within the life of a grant, or the second look would stop the one that was paused. */
const soon = (reconciler: Reconciler): Reconciler => ({
  ...reconciler,
  absence: { ...reconciler.absence, afterMs: 1_000, reads: 1 },
})

async function pausedHolder(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  const paused = await rig.tool.claim(grant)
  const held = secondHolder(rig)
  if (held === undefined) {
    expect(await greet(rig)).toBe('open')
    expect(await askVoids(rig)).toEqual(['UNKNOWN'])
    await rig.pass(15_000)
    await reconcile(rig)
  }
  paused.send()
  await rig.wire.hasSent(1)
  await rig.wire.sent[0]?.arrive()
  await expectSound(rig)
  expect(held).toMatchObject({ code: 'LEDGER_HELD' })
  await record(rig, await paused.answer)
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
}

function secondHolder(rig: ProtocolRig): unknown {
  try {
    rig.startSecond()
    return undefined
  } catch (error) {
    return error
  }
}

rule({
  name: 'singleton',
  title: 'nobody looks up what a paused holder of the ledger can still send',
  trace: pausedHolder,
  on: { tool: { reconciler: soon } },
  without: 'the exclusive lock',
  guards: { tool: { reconciler: soon, openDatabase: openShared } },
  expect: /I4 an effect happened with no budget/,
})
