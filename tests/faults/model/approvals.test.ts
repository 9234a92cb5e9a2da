/** A person's word is about the request that the person was looking at, and good for one effect. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { APPROVAL_TTL_MS } from '@chimera/contracts/judging/approval'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { findPrincipal, type Principal } from '@chimera/infra/database/tokens/find-principal'
import { expect, test } from 'vitest'

import { expectOwnWords, expectSound } from './invariants.ts'
import type { ProtocolRig } from './protocol-rig.ts'
import {
  askVoids,
  claimAndSend,
  judgeTask,
  reconcile,
  record,
  sendAndTimeOut,
  statesOf,
  takeGrant,
  type Slot,
} from './steps.ts'
import { rule, runTrace, type Trace } from './traces.ts'
import {
  byWhatWasAsked,
  outliving,
  seenThrough,
  setApprovalTriggers,
  withoutApprovalCheck,
} from './without.ts'

/** Neither sure nor unsure: a person is asked. */
const ASKS = 0.8
const LATER_MS = APPROVAL_TTL_MS + 1_000
/** X's bound, with the deadline of the send before it and the two reads after it. */
const ABSENT_AFTER_MS = [1_000, 910_000, 61_000, 61_000]

/** What a person has said by one click; the network may deliver it twice. */
type Click = Readonly<{ principal: Principal; id: string }>

async function openPerson({ record: { database } }: ProtocolRig): Promise<Principal> {
  const { secret } = await createToken(database, {
    tenantId: DEFAULT_TENANT,
    name: newId(),
    scopes: [],
    roles: ['approver'],
    actor: 'test',
  })
  const principal = await findPrincipal(database, secret)
  if (principal === undefined) throw new Error('The token is not known.')
  return principal
}

/** `ask approval#n`: the request that a person finds in the inbox. */
async function openRequest({ record: { database } }: ProtocolRig): Promise<string | undefined> {
  const text = `SELECT id FROM approvals WHERE state = 'REQUESTED' AND expires_at > now()`
  const [row] = await database.query<{ id: string }>({ text })
  return row?.id
}

/** `@approve #n(a)`: who clicks reads one request, and means that one. */
async function click(rig: ProtocolRig, principal: Principal): Promise<Click> {
  const id = await openRequest(rig)
  if (id === undefined) throw new Error('Nobody was asked.')
  return { principal, id }
}

/** `judge takes approve(a)`; the answer that it was said before is one, too. */
async function take(rig: ProtocolRig, { principal, id }: Click): Promise<void> {
  await rig.judge(...(await rig.decide({ principal, id, decision: { decision: 'approve' } })))
}

/** `judge grants g`, on the word that was said now. */
async function approveRound(rig: ProtocolRig, slot: Slot, word: 'a' | 'b', by: Principal) {
  await judgeTask(rig, slot, word)
  const said = await click(rig, by)
  await take(rig, said)
  return said
}

const expectRested = (rig: ProtocolRig, { goal }: Slot, clicked: readonly string[]) =>
  expectOwnWords(rig.record.database, { goalId: goal, clicked })

/** Its request is on the wire, arrives, and is recorded. */
async function carryOut(rig: ProtocolRig, slot: Slot): Promise<void> {
  const { post, answer } = await claimAndSend(rig, await takeGrant(rig, slot))
  await post.arrive()
  await record(rig, await answer())
  await expectSound(rig)
  expect(rig.posts()).toHaveLength(1)
}

/** A yes is delivered once more, when the same is asked again because its time was over. */
async function lateCopyOfAClick(rig: ProtocolRig, slot: Slot): Promise<void> {
  const anna = await openPerson(rig)
  const first = await approveRound(rig, slot, 'a', anna)
  await rig.pass(LATER_MS)
  expect(await askVoids(rig)).toEqual(['VOID'])
  await judgeTask(rig, slot, 'a')
  expect(await statesOf(rig, slot)).toEqual(['EXPIRED', 'AWAITING_APPROVAL'])
  const second = await click(rig, anna)
  await take(rig, first)
  await expectRested(rig, slot, [first.id])
  expect(await statesOf(rig, slot)).toEqual(['EXPIRED', 'AWAITING_APPROVAL'])
  await take(rig, second)
  await expectRested(rig, slot, [first.id, second.id])
  await carryOut(rig, slot)
}

rule({
  name: 'apid',
  title: 'a click that comes twice says nothing of the next request',
  trace: lateCopyOfAClick,
  confidence: ASKS,
  without: 'the id of the request in the decision',
  guards: { gateway: (database) => seenThrough(database, byWhatWasAsked) },
  expect: /I5 one human decision used twice/,
})

/** The round that a person approved died on its way, and X was looked at for long enough. */
async function approvedAndAbsent(rig: ProtocolRig, slot: Slot): Promise<Click> {
  const said = await approveRound(rig, slot, 'a', await openPerson(rig))
  const { answer } = await sendAndTimeOut(rig, await takeGrant(rig, slot))
  await record(rig, answer)
  for (const ms of ABSENT_AFTER_MS) {
    await rig.pass(ms)
    await reconcile(rig)
  }
  expect(await statesOf(rig, slot)).toEqual(['NOT_HAPPENED'])
  return said
}

/** The next round is asked for anew: by its time, or for its words. */
const askedAnew =
  (of: { passMs: number; word: 'a' | 'b' }): Trace =>
  async (rig, slot) => {
    const first = await approvedAndAbsent(rig, slot)
    await rig.pass(of.passMs)
    await judgeTask(rig, slot, of.word)
    await expectRested(rig, slot, [first.id])
    expect(await statesOf(rig, slot)).toEqual(['NOT_HAPPENED', 'AWAITING_APPROVAL'])
    const second = await click(rig, first.principal)
    await take(rig, second)
    await expectRested(rig, slot, [first.id, second.id])
    await carryOut(rig, slot)
  }

const unguarded =
  (trace: Trace): Trace =>
  async (rig, slot) => {
    await setApprovalTriggers(rig.record.database, 'DISABLE')
    await trace(rig, slot)
  }

const runOut = askedAnew({ passMs: LATER_MS, word: 'a' })

// Laxer than the model: until it runs out, an approval serves a further round of the very same
// arguments, because the round before it is proved to have had no effect.
rule({
  name: 'reask',
  title: 'a round after one without effect is asked for anew when the approval has run out',
  trace: runOut,
  confidence: ASKS,
  without: 'the expiry of the approval',
  guards: { approvals: withoutApprovalCheck('isInTime'), words: outliving },
  unguarded: unguarded(runOut),
  expect: /I5 one human decision used twice/,
})

const reworded = askedAnew({ passMs: 0, word: 'b' })

rule({
  name: 'reask-arguments',
  title: 'a round after one without effect is asked for anew when it says something else',
  trace: reworded,
  confidence: ASKS,
  without: 'the hash of the arguments in the approval',
  guards: { approvals: withoutApprovalCheck('isOfArguments') },
  unguarded: unguarded(reworded),
  expect: /I5 approval used for other arguments/,
})

test('until it runs out an approval serves a further round of the same arguments', () =>
  runTrace(
    async (rig, slot) => {
      const said = await approvedAndAbsent(rig, slot)
      await judgeTask(rig, slot, 'a')
      expect(await statesOf(rig, slot)).toEqual(['NOT_HAPPENED', 'GRANTED'])
      await expectRested(rig, slot, [said.id])
      await carryOut(rig, slot)
      await judgeTask(rig, slot, 'b')
      expect(await statesOf(rig, slot)).toEqual(['NOT_HAPPENED', 'CONFIRMED'])
      expect(await openRequest(rig)).toBeUndefined()
    },
    {},
    { confidence: ASKS },
  ))
