/** A ledger that was lost or is older, and grants of a start that is gone. */
import { copyFileSync, rmSync } from 'node:fs'

import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { expect } from 'vitest'

import { withoutChecks } from '../../without-guards.ts'
import { expectSound } from './invariants.ts'
import type { Guards, ProtocolRig } from './protocol-rig.ts'
import {
  adopt,
  askVoids,
  cancel,
  claimAndSend,
  deliver,
  finish,
  grantSlot,
  greet,
  planSlot,
  reconcile,
  record,
  roundsOf,
  sendAndTimeOut,
  statesOf,
  type Slot,
} from './steps.ts'
import { rule } from './traces.ts'

/** X's bound, with the deadline of the send before it. */
const BOUND_MS = 900_000 + 10_000

const SUFFIXES = ['', '-wal', '-shm'] as const

/** `tool ledger LOST` */
async function loseLedger(rig: ProtocolRig): Promise<void> {
  await rig.killTool()
  for (const suffix of SUFFIXES) rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
  rig.startTool()
}

async function lateGrantOnNewLedger(rig: ProtocolRig, slot: Slot): Promise<void> {
  const grant = await grantSlot(rig, slot)
  await cancel(rig, slot)
  expect(await askVoids(rig)).toEqual(['VOID'])
  await loseLedger(rig)
  rig.wire.isOpen = true
  const first = await greet(rig)
  const closed = await deliver(rig, grant)
  await expectSound(rig)
  expect([first, closed.code]).toEqual([expect.stringContaining('LEDGER_BEHIND'), 'LEDGER_BEHIND'])
  await adopt(rig)
  expect(await greet(rig)).toBe('open')
  expect(await deliver(rig, grant)).toMatchObject({ status: 'NONE', code: 'BOOT_CHANGED' })
  await expectSound(rig)
  rig.wire.isOpen = false
  await finish(rig, await planSlot(rig))
}

// Stricter than the model, where a new ledger acts at once: here it is closed until it was adopted.
rule({
  name: 'boot',
  title: 'a grant that was voided in a lost ledger does not act on a new one',
  trace: lateGrantOnNewLedger,
  without: 'the boot in the grant, and the boots in the hello',
  guards: {
    tool: { rules: (rules) => withoutChecks(rules, 'isThisBoot') },
    words: (words) => ({
      ...words,
      hello: (claims) => words.hello({ ...claims, known_boots: [claims.boot], highest_seq: 0 }),
    }),
  },
  expect: /I4 an effect happened with no budget/,
})

async function strayGrantAfterBothLives(rig: ProtocolRig, slot: Slot): Promise<void> {
  await rig.record.takeBackup()
  const stray = await grantSlot(rig, slot)
  await rig.record.rollBack()
  // As `chimera restore` does; the rest of it has nothing to import here.
  const text = 'UPDATE record_incarnation SET incarnation = gen_random_uuid()'
  await rig.record.database.query({ text })
  await rig.restart()
  expect(await greet(rig)).toBe('open')
  const { post, answer } = await claimAndSend(rig, await grantSlot(rig, slot))
  await post.arrive()
  await answer()
  await loseLedger(rig)
  await greet(rig)
  await record(rig, await deliver(rig, stray))
  await adopt(rig)
  await rig.tool.control.reconcile(undefined)
  await greet(rig)
  await record(rig, await deliver(rig, stray))
  await askVoids(rig)
  await rig.pass(2 * BOUND_MS)
  await reconcile(rig)
  await expectSound(rig)
  expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
  const [only] = await roundsOf(rig, slot)
  if (only?.grant_id === stray.grantId) {
    throw new Error('I7 record says CONFIRMED of a grant that never acted')
  }
}

/** A grant of an earlier boot is written down as UNKNOWN, whoever brings it. */
const noteStray = (rules: Rules, ledger: Ledger, isStray: (id: string) => boolean): Rules => ({
  ...withoutChecks(rules, 'isOpen'),
  lookUp: (asked, own, rounds) => {
    const found = rules.lookUp(asked, own, rounds)
    if (found.kind !== 'new' || !isStray(asked.grantId)) return found
    const about = {
      effectKey: asked.effectKey,
      round: asked.round,
      grantId: asked.grantId,
      argsHash: asked.argsHash,
      account: ledger.account,
      tool: 'post_tweet',
      mode: 'paper',
      scope: {},
      boot: ledger.boot,
      incarnation: asked.grantId,
      isSimulated: true,
    } as const
    const entry = ledger.entries.put(about, { state: 'UNKNOWN', settledMs: ledger.now() })
    return { kind: 'recorded', entry }
  },
})

/** The first grant of all is the stray one. */
function strayNoted(): Guards {
  let stray: string | undefined
  return {
    tool: { rules: (rules, ledger) => noteStray(rules, ledger, (id) => id === stray) },
    words: (words) => ({
      ...words,
      grant: (claims) => {
        stray ??= claims.jti
        return words.grant(claims)
      },
    }),
  }
}

// Stricter than the model, whose record ends with NOT_HAPPENED here: before the adoption nothing is
// answered, and what is known by name only is never called absent. So the control, which lets the
// stray grant in first, ends with the right effect under the wrong grant.
rule({
  name: 'bootask',
  title: 'a stray grant of an earlier boot says nothing of its slot',
  trace: strayGrantAfterBothLives,
  without: 'the refusal of an earlier boot without an entry',
  guards: strayNoted(),
  expect: /I7 record says CONFIRMED of a grant/,
})

/** An older copy knows as UNKNOWN what the record knows closed; the next round says so. */
async function olderCopyHoldsClosedRound(rig: ProtocolRig, slot: Slot): Promise<void> {
  const { answer } = await sendAndTimeOut(rig, await grantSlot(rig, slot))
  await record(rig, answer)
  await rig.killTool()
  copyLedger(rig.ledgerPath, `${rig.ledgerPath}.old`)
  rig.startTool()
  await greet(rig)
  for (const ms of [BOUND_MS, 61_000]) {
    await rig.pass(ms)
    await reconcile(rig)
  }
  expect(await statesOf(rig, slot)).toEqual(['NOT_HAPPENED'])
  await rig.killTool()
  copyLedger(`${rig.ledgerPath}.old`, rig.ledgerPath)
  rig.startTool()
  expect(await greet(rig)).toContain('LEDGER_BEHIND')
  await adopt(rig)
  expect(await greet(rig)).toBe('open')
  const second = await grantSlot(rig, slot)
  rig.wire.isOpen = true
  const done = await deliver(rig, second)
  expect(done, 'round 2 of a slot whose round 1 the record knows closed').toMatchObject({
    status: 'CONFIRMED',
  })
  await record(rig, done)
  await expectSound(rig)
  expect(await statesOf(rig, slot)).toEqual(['NOT_HAPPENED', 'CONFIRMED'])
}

/** Of a ledger that nobody holds: reading a held one would drop its lock. */
function copyLedger(from: string, to: string): void {
  for (const suffix of SUFFIXES) rmSync(`${to}${suffix}`, { force: true })
  copyFileSync(from, to)
}

// Stricter than the model, whose record would take the closed round back: here a closed round is
// never opened again, by the edges and by UNIQUE (effect_key, round). What is left to lose is time.
rule({
  name: 'closedlist',
  title: 'a round that the record knows closed does not hold its slot in an older ledger',
  trace: olderCopyHoldsClosedRound,
  without: 'the closed rounds in the grant',
  guards: {
    words: (words) => ({
      ...words,
      grant: (claims) => words.grant({ ...claims, closed_rounds: [] }),
    }),
  },
  expect: /round 2 of a slot whose round 1/,
})
