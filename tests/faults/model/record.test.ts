/** A record that was rolled back: by hand, by `chimera restore`, and together with its ledger. */
import { rmSync } from 'node:fs'

import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { expect } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'
import { expectSound } from './invariants.ts'
import type { ProtocolRig } from './protocol-rig.ts'
import { restoreRecord, STEPS, type RestoreSteps } from './restore-record.ts'
import {
  adopt,
  askVoids,
  cancel,
  claimAndSend,
  deliver,
  finish,
  grantSlot,
  greet,
  judgeTask,
  planSlot,
  record,
  resume,
  roundsOf,
  settle,
  statesOf,
  type Grant,
  type Slot,
} from './steps.ts'
import { rule, runTrace } from './traces.ts'
import { seenThrough, withoutClaim } from './without.ts'

/** The slot's effect has happened, and nobody has told the record; answers its grant. */
async function happen(rig: ProtocolRig, slot: Slot): Promise<Grant> {
  const grant = await grantSlot(rig, slot)
  const { post, answer } = await claimAndSend(rig, grant)
  await post.arrive()
  await answer()
  return grant
}

/** Somebody puts an older copy of PostgreSQL in place; it grants the same round again. */
async function undeclaredRestore(rig: ProtocolRig, slot: Slot): Promise<void> {
  await rig.record.takeBackup()
  const first = await happen(rig, slot)
  await rig.record.rollBack()
  rig.wire.isOpen = true
  const answer = await deliver(rig, await grantSlot(rig, slot))
  await record(rig, answer)
  await expectSound(rig)
  expect(answer).toMatchObject({ status: 'NONE', code: 'IDEMPOTENCY_CONFLICT' })
  expect(rig.tool.control.status().reason).toContain('RECORD_BEHIND')
  expect(rig.tool.alarms).not.toEqual([])
  const [only] = await roundsOf(rig, slot)
  expect(only, 'the row of the slot').toMatchObject({
    state: 'CONFIRMED',
    grant_id: first.grantId,
  })
}

// The model holds without this rule: nothing false is recorded, but the slot never ends.
rule({
  name: 'adopt',
  title: 'what the ledger holds for a grant that the record forgot is taken over',
  trace: undeclaredRestore,
  without: 'the adoption of the holder',
  guards: {
    judge: (database) =>
      seenThrough(database, {
        change: ({ name }, row) => (name === 'load-held-effects' ? undefined : row),
      }),
  },
  expect: /the row of the slot/,
})

/** One round may act under any grant that names it. */
const anyGrantOfRound = (rules: Rules): Rules => ({
  ...rules,
  lookUp: (asked, own, rounds) => {
    const isOther = own === undefined && rounds[0]?.round === asked.round
    return isOther ? { kind: 'new', toClose: [] } : rules.lookUp(asked, own, rounds)
  },
})

// The ledger's primary key refuses as well, so the control imagines its claims.
rule({
  name: 'single-use',
  title: 'a round acts once, whatever grant names it',
  trace: undeclaredRestore,
  without: 'the single use of a round',
  guards: {
    tool: { rules: (rules) => ({ ...withoutClaim(rules), lookUp: anyGrantOfRound(rules).lookUp }) },
  },
  expect: /I1 two provider effects/,
})

/** After the backup it happened; the restored goal is called off. */
const cancelAfterRestore =
  (steps: RestoreSteps) =>
  async (rig: ProtocolRig, slot: Slot): Promise<void> => {
    await rig.record.takeBackup()
    const grant = await happen(rig, slot)
    await rig.killTool()
    await restoreRecord(rig, steps)
    await cancel(rig, slot)
    await expectSound(rig)
    rig.startTool()
    expect(await greet(rig)).toBe('fenced')
    await resume(rig)
    expect(await greet(rig)).toBe('open')
    expect(await roundsOf(rig, slot)).toMatchObject([
      { state: 'CONFIRMED', grant_id: grant.grantId },
    ])
    rig.wire.isOpen = true
    expect(await deliver(rig, grant)).toMatchObject({ status: 'CONFIRMED' })
    await expectSound(rig)
    rig.wire.isOpen = false
    await finish(rig, await planSlot(rig))
  }

const importNothing: RestoreSteps['importWords'] = () =>
  Promise.resolve({ entries: 0, same: 0, settled: 0, adopted: 0, made: 0, clients: 0, differs: [] })

guarantee(
  {
    id: 'model-import',
    title: 'a restored record knows what the ledger knows before it says anything',
    n: 1,
    seed: 1,
  },
  () => runTrace(cancelAfterRestore(STEPS)),
)
control(
  {
    guard: 'the import of the ledger after a restore',
    test: 'model-import',
    expect: /I[47] /,
  },
  () => runTrace(cancelAfterRestore({ ...STEPS, importWords: importNothing })),
)

/** Record and ledger are both of before it happened. */
const bothRolledBack =
  (steps: RestoreSteps) =>
  async (rig: ProtocolRig, slot: Slot): Promise<void> => {
    await rig.record.takeBackup()
    await happen(rig, slot)
    await rig.killTool()
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
    }
    await restoreRecord(rig, steps)
    await expectSound(rig)
    rig.startTool()
    expect(await greet(rig)).toContain('LEDGER_BEHIND')
    await adopt(rig)
    // Whoever looks now looks for what the record guesses, from when it was restored.
    for (const ms of [1_000, 2 * 910_000, 61_000]) {
      await rig.pass(ms)
      await rig.tool.control.reconcile(undefined).catch(() => undefined)
    }
    await greet(rig)
    await resume(rig)
    expect(await greet(rig)).toBe('open')
    await judgeTask(rig, slot)
    expect(await askVoids(rig)).toEqual([])
    expect(await statesOf(rig, slot)).toEqual(['NEEDS_HUMAN'])
    const [held] = await roundsOf(rig, slot)
    await settle(rig, held?.id ?? '', rig.posts()[0]?.id ?? '')
    await expectSound(rig)
    expect(await statesOf(rig, slot)).toEqual(['CONFIRMED'])
  }

const holdNothing: RestoreSteps['holdSlots'] = () => Promise.resolve({ held: [], goalsEnded: [] })

guarantee(
  {
    id: 'model-bothlost',
    title: 'after record and ledger were both rolled back a person says what happened',
    n: 1,
    seed: 1,
  },
  () => runTrace(bothRolledBack(STEPS)),
)
control(
  {
    guard: "a person's look after record and ledger were both rolled back",
    test: 'model-bothlost',
    expect: /I[47] /,
  },
  () => runTrace(bothRolledBack({ ...STEPS, holdSlots: holdNothing })),
)
