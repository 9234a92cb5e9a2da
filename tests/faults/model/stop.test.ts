/** After a stop is acknowledged nothing leaves, nor after resume what was granted before it. */
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { expect, test } from 'vitest'

import { openWith, withoutChecks } from '../../without-guards.ts'
import { expectSound } from './invariants.ts'
import type { Guards, ProtocolRig } from './protocol-rig.ts'
import {
  askVoids,
  deliver,
  finish,
  grantSlot,
  greet,
  record,
  resume,
  statesOf,
  stop,
  type Slot,
} from './steps.ts'
import { rule, runTrace } from './traces.ts'

const LEFT = 'I3 effect leaves after an acknowledged stop'

function expectNothingLeft(rig: ProtocolRig, violation = LEFT): void {
  if (rig.posts().length > 0) throw new Error(violation)
}

async function stopBeforeClaim(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  expect(await stop(rig)).toMatchObject({ in_flight: [] })
  rig.wire.isOpen = true
  await record(rig, await deliver(rig, grant))
  expectNothingLeft(rig)
  expect(await statesOf(rig, slot)).toEqual(['EXPIRED'])
  rig.wire.isOpen = false
  await resume(rig)
  await finish(rig, slot)
}

rule({
  name: 'fence',
  title: 'what was granted before a stop is not claimed after it, and done after resume',
  trace: stopBeforeClaim,
  without: 'the fence',
  guards: {
    tool: {
      rules: (rules) => ({ ...withoutChecks(rules, 'isNotFenced'), maySend: () => undefined }),
    },
  },
  expect: /I3 effect leaves/,
})

async function stopBeforeSend(rig: ProtocolRig, slot: Slot): Promise<void> {
  const claimed = await rig.tool.claim(await grantSlot(rig, slot))
  expect(await stop(rig)).toMatchObject({ in_flight: [] })
  rig.wire.isOpen = true
  claimed.send()
  const answer = await claimed.answer
  expectNothingLeft(rig)
  expect(answer).toMatchObject({ status: 'NOT_SENT', code: 'FENCED' })
  await record(rig, answer)
  await expectSound(rig)
  rig.wire.isOpen = false
  await resume(rig)
  await finish(rig, slot)
}

rule({
  name: 'fencesend',
  title: 'what was claimed before a stop is not sent after it',
  trace: stopBeforeSend,
  without: 'the second look at the fence',
  guards: { tool: { rules: (rules) => ({ ...rules, maySend: () => undefined }) } },
  expect: /I3 effect leaves/,
})

async function resumeBeforeSend(rig: ProtocolRig, slot: Slot): Promise<void> {
  const claimed = await rig.tool.claim(await grantSlot(rig, slot))
  await stop(rig)
  await resume(rig)
  rig.wire.isOpen = true
  claimed.send()
  const answer = await claimed.answer
  expectNothingLeft(rig, 'I3b a grant from before an acknowledged stop leaves after it')
  expect(answer).toMatchObject({ status: 'NOT_SENT', code: 'FENCED' })
  await record(rig, answer)
  await expectSound(rig)
  rig.wire.isOpen = false
  await finish(rig, slot)
}

/** A fence that is up or down, without epochs. */
const upOrDown = (rules: Rules, isUp: () => boolean): Rules => ({
  ...rules,
  maySend: () => (isUp() ? { code: 'FENCED', detail: 'A stop is in force.' } : undefined),
})

rule({
  name: 'fencegen',
  title: 'what was claimed before a stop is not sent after resume either',
  trace: resumeBeforeSend,
  without: 'the epoch of the fence',
  guards: {
    tool: {
      rules: (rules, ledger) =>
        upOrDown(rules, () => ledger.fences.get('everything')?.isStopped === true),
    },
  },
  expect: /I3b a grant from before/,
})

/** How the Keeper brings fences to a server that was away. */
type Carry = NonNullable<Parameters<typeof greet>[1]>

const restartAfterStop =
  (carry?: Carry) =>
  async (rig: ProtocolRig, slot: Slot): Promise<void> => {
    const grant = await grantSlot(rig, slot)
    await stop(rig)
    await rig.restart()
    await greet(rig, carry)
    rig.wire.isOpen = true
    await record(rig, await deliver(rig, grant))
    expectNothingLeft(rig)
    expect(await askVoids(rig)).toEqual(['VOID'])
    await expectSound(rig)
    rig.wire.isOpen = false
    await resume(rig)
    await greet(rig)
    await finish(rig, slot)
  }

const forgetful = openWith('DROP TRIGGER IF EXISTS fences_are_kept; DELETE FROM fences')

const carryNothing: Carry = () => Promise.resolve(0)

/** The model's `boot`, and what the code has beside it: the hello and the Keeper bring fences. */
const withoutBoot: Guards = {
  tool: {
    openDatabase: forgetful,
    rules: (rules) => withoutChecks(rules, 'isThisBoot'),
  },
  words: (words) => ({ ...words, hello: (claims) => words.hello({ ...claims, fences: {} }) }),
}

// As in the model, a fence that is lost in a restart is made up for by the boot; the code has two
// layers more, the epochs in the hello and the Keeper, which the control takes out as well.
rule({
  name: 'fencedurable',
  title: 'a stop holds through a restart of the tool server',
  trace: restartAfterStop(),
  without: 'the durable fence, the boot, and the epochs of the hello',
  guards: withoutBoot,
  unguarded: restartAfterStop(carryNothing),
  expect: /I3 effect leaves/,
})

test('a fence that is lost in a restart is made up for by the boot', () =>
  runTrace(restartAfterStop(carryNothing), { tool: { openDatabase: forgetful } }))
