/** A slot has one effect, a round acts once, and what is said of it is about that round. */
import { newId } from '@chimera/contracts/ids'
import { isClosedWithoutEffect } from '@chimera/mcp-kit/ledger/entry'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { expect, test } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'
import { openWith, withoutChecks } from '../../without-guards.ts'
import { expectSound } from './invariants.ts'
import type { Guards, ProtocolRig } from './protocol-rig.ts'
import {
  askVoids,
  cancel,
  claimAndSend,
  deliver,
  grantSlot,
  greet,
  judgeTask,
  reconcile,
  record,
  sendAndTimeOut,
  statesOf,
  takeGrant,
  type Slot,
} from './steps.ts'
import { rule, runTrace } from './traces.ts'
import { boundToSlot, rekeyed, seenThrough, signedByWords, withoutClaim } from './without.ts'

async function rewordAfterTimeout(rig: ProtocolRig, slot: Slot): Promise<void> {
  const first = await sendAndTimeOut(rig, await grantSlot(rig, slot, 'a'))
  await record(rig, first.answer)
  await judgeTask(rig, slot, 'b')
  const isGranted = (await statesOf(rig, slot)).includes('GRANTED')
  const second = isGranted ? await claimAndSend(rig, await takeGrant(rig, slot)) : undefined
  await first.post.arrive()
  await second?.post.arrive()
  await expectSound(rig)
  await reconcile(rig)
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
  await judgeTask(rig, slot, 'b')
  await expectSound(rig)
}

/** Identity by the words: another wording is another effect, for Judge and tool server alike. */
function keyedByWords(): Guards {
  let judged: unknown
  return {
    tool: { rules: (rules) => withoutChecks(rules, 'isForThisServer') },
    words: signedByWords,
    judge: (database) =>
      seenThrough(database, {
        ask: (statement) => {
          if (statement.name === 'load-attempts') judged = statement.values?.[0]
          return rekeyed(statement)
        },
        change: ({ name }, row) =>
          name === 'scene-rounds' && Array.isArray(judged) && !judged.includes(row['task_id'])
            ? undefined
            : row,
      }),
  }
}

rule({
  name: 'slot',
  title: 'a slot that was reworded after a time-out waits for the first wording',
  trace: rewordAfterTimeout,
  without: 'the slot as identity (key from the arguments instead)',
  guards: keyedByWords(),
  expect: /I1 two provider effects/,
})

async function deliverTwice(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  const { post } = await sendAndTimeOut(rig, grant)
  rig.wire.isOpen = true
  await record(rig, await deliver(rig, grant))
  await post.arrive()
  await expectSound(rig)
  await reconcile(rig)
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
}

rule({
  name: 'claim',
  title: 'a grant that was acted on and comes again is only looked up',
  trace: deliverTwice,
  without: 'the claim before the act',
  guards: { tool: { rules: withoutClaim } },
  expect: /I1 two provider effects/,
})

async function deliverAfterVoid(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  await cancel(rig, slot)
  expect(await askVoids(rig)).toEqual(['VOID'])
  expect(await statesOf(rig, slot)).toEqual(['CANCELLED'])
  rig.wire.isOpen = true
  await record(rig, await deliver(rig, grant))
  await expectSound(rig)
  expect(rig.posts()).toEqual([])
}

/** What is closed counts as never seen. */
const forgetClosed = (rules: Rules): Rules => ({
  ...rules,
  lookUp: (asked, own, rounds) =>
    own !== undefined && isClosedWithoutEffect(own.state)
      ? { kind: 'new', toClose: [] }
      : rules.lookUp(asked, own, rounds),
})

// Stricter than the model: the ledger's primary key alone refuses a second entry of a round, so
// that the control has to imagine its claims as well.
rule({
  name: 'once',
  title: 'a grant that was voided never acts when it comes after all',
  trace: deliverAfterVoid,
  without: 'the tombstone of a closed round',
  guards: {
    tool: { rules: (rules) => ({ ...withoutClaim(rules), lookUp: forgetClosed(rules).lookUp }) },
  },
  expect: /I4 an effect happened with no budget/,
})

test('a look-up that forgets tombstones is held by the ledger itself', () =>
  runTrace(deliverAfterVoid, { tool: { rules: forgetClosed } }))

async function oldAnswerAgain(rig: ProtocolRig, slot: Slot): Promise<void> {
  const first = await grantSlot(rig, slot)
  await rig.pass(61_000)
  expect(await askVoids(rig)).toEqual(['VOID'])
  const copy = await deliver(rig, first)
  expect(copy.status).toBe('VOID')
  const second = await grantSlot(rig, slot)
  await record(rig, copy)
  const { post, answer } = await claimAndSend(rig, second)
  await post.arrive()
  await expectSound(rig)
  await record(rig, await answer())
  expect(await statesOf(rig, slot)).toEqual(['EXPIRED', 'CONFIRMED'])
}

rule({
  name: 'gidbind',
  title: 'the answer of an old round does not close the next one',
  trace: oldAnswerAgain,
  without: "the receipt's binding to its grant",
  guards: { judge: (database) => seenThrough(database, boundToSlot) },
  expect: /I4 an effect happened with no budget/,
})

/** Two Judges at once: the second grants the other wording between reading and committing. */
function racing(rig: { of?: ProtocolRig; slot?: Slot }): Guards {
  let hasRaced = false
  return {
    judge: (database) => ({
      ...database,
      transaction: async (work, scope) => {
        const { of, slot } = rig
        if (of !== undefined && slot !== undefined && !hasRaced) {
          hasRaced = true
          await judgeTask(of, slot, 'b')
        }
        return database.transaction(work, scope)
      },
    }),
  }
}

async function twoJudges(dropIndexes: boolean): Promise<void> {
  const race: Parameters<typeof racing>[0] = {}
  await runTrace(async (rig, slot) => {
    if (dropIndexes) {
      const text = `DROP INDEX effects_one_open_round;
        ALTER TABLE effects DROP CONSTRAINT effects_effect_key_round_key`
      await rig.record.database.query({ text })
    }
    Object.assign(race, { of: rig, slot })
    await judgeTask(rig, slot, 'a')
    expect(await statesOf(rig, slot), 'open rounds of one slot').toEqual(['GRANTED'])
    const { post, answer } = await claimAndSend(rig, await takeGrant(rig, slot))
    await post.arrive()
    await record(rig, await answer())
    await expectSound(rig)
  }, racing(race))
}

guarantee(
  { id: 'model-record-index', title: 'Judges that race grant one round', n: 1, seed: 1 },
  () => twoJudges(false),
)
control(
  {
    guard: 'the unique index of open rounds in PostgreSQL',
    test: 'model-record-index',
    expect: /open rounds of one slot/,
  },
  () => twoJudges(true),
)

/** A look-up that errs, and a second grant for a slot whose first round is open. */
async function secondOpenRound(rig: ProtocolRig, slot: Slot): Promise<void> {
  // An index is taken out at a start that finds it.
  await rig.restart()
  await greet(rig)
  const first = await grantSlot(rig, slot)
  const { post } = await sendAndTimeOut(rig, first)
  rig.wire.isOpen = true
  const grant = await rig.signAgain({ jti: newId(), round: 2 })
  await deliver(rig, { ...first, grant })
  await post.arrive()
  await expectSound(rig)
}

const blind = (rules: Rules): Rules => ({
  ...rules,
  lookUp: () => ({ kind: 'new', toClose: [] }),
})

rule({
  name: 'ledger-index',
  title: 'a slot has one open round in the ledger even when the look-up errs',
  trace: secondOpenRound,
  on: { tool: { rules: blind } },
  without: 'the unique index of open rounds in the ledger',
  guards: {
    tool: { rules: blind, openDatabase: openWith('DROP TRIGGER IF EXISTS entries_one_open_round') },
  },
  expect: /I1 two provider effects/,
})
