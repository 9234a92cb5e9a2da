import { rmSync } from 'node:fs'
import { join } from 'node:path'

import type { GoalView } from '@chimera/contracts/observable'
import { importWords } from '@chimera/infra/database/backup/import-words'
import { expect, test } from 'vitest'

import { ended, eventually, type StackRig } from '../../e2e/stack-rig.ts'
import { control, guarantee } from '../../guarantee.ts'
import { effectStates, openRestoreRig, type Printed, type RestoreRig } from './restore-rig.ts'

async function post({ api }: StackRig, id: string): Promise<void> {
  const body = { id, text: `publish a tweet: ${id}` }
  expect(await api('/v1/goals', { method: 'POST', body })).toMatchObject({ status: 201 })
}

/**
 * Goals that are planned and proposed, but stopped, when the backup is taken; afterwards they are
 * done, and then record and ledger both forget it.
 */
async function forgetEverything(of: RestoreRig, goals: readonly string[]): Promise<void> {
  const { rig } = of
  await rig.misbehave({ duplicate_check: false })
  await post(rig, 'before')
  await ended(rig, 'before')
  await rig.cli('stop', '--json')
  for (const id of goals) {
    await post(rig, id)
    await eventually(async () => (await rig.goal(id)).waiting_on ?? undefined, 10_000, 'waits')
  }
  await of.backup('b')
  await rig.cli('resume', '--json')
  for (const id of goals) await ended(rig, id)
  expect(rig.tweets()).toHaveLength(goals.length + 1)
  await of.down()
}

async function expectNothingIsDoneAgain(
  of: RestoreRig,
  { goals, run }: { goals: readonly string[]; run: () => Promise<Printed> },
): Promise<void> {
  const { rig } = of
  await forgetEverything(of, goals)
  const report = await run()
  await of.up()
  // A fresh simulation checks for duplicates, which would hide one.
  await rig.misbehave({ duplicate_check: false })
  await rig.cli('resume', '--json')
  // A goal of now is done, beside those that nobody may do again.
  await post(rig, 'after')
  await ended(rig, 'after')
  const looked = await Promise.all(goals.map((id) => lookedAt(rig, id)))
  expect(rig.tweets().length, 'tweets, each done once').toBe(goals.length + 2)
  expect(report.accounts).toMatchObject([
    { ledger: 'backup', both_rolled_back: true, needs_human: goals.length },
  ])
  expect(await effectStates(of)).toEqual({ CONFIRMED: 2, NEEDS_HUMAN: goals.length })
  for (const goal of looked) expect(goal.waiting_on?.unblock).toContain('chimera effect settle')
}

/** A person looked at the account: the first was there, the second was not and is done now. */
async function expectSettled(of: RestoreRig, [first = '', second = '']: readonly string[]) {
  const { rig } = of
  const [there, missing] = [await rig.goal(first), await rig.goal(second)]
  const settle = (goal: GoalView, ...word: string[]) =>
    rig.cli('effect', 'settle', goal.effects[0]?.id ?? '', ...word, '--reason', 'seen', '--yes')
  const ref = rig.tweets().at(1)?.id ?? ''
  expect(await settle(there, '--happened', ref)).toMatchObject({ code: 0 })
  expect(await ended(rig, first)).toMatchObject({ status: 'COMPLETED' })
  const before = rig.tweets().length
  expect(await settle(missing, '--did-not-happen')).toMatchObject({ code: 0 })
  expect(await ended(rig, second)).toMatchObject({ status: 'COMPLETED' })
  expect(rig.tweets()).toHaveLength(before + 1)
}

/** The goal once the Judge has looked at it again: it waits for a person, or has ended. */
const lookedAt = (rig: StackRig, id: string): Promise<GoalView> =>
  eventually(
    async () => {
      const goal = await rig.goal(id)
      const isLookedAt = goal.tasks.every(({ phase }) => phase === 'reconciling')
      return isLookedAt || goal.status !== 'ACTIVE' ? goal : undefined
    },
    60_000,
    `${id} is looked at again`,
  )

guarantee(
  {
    id: 'restore-both-rolled-back',
    title: 'record and ledger restored: every slot waits for a person, nothing is sent again',
    n: 3,
    seed: 1,
    timeoutMs: 240_000,
  },
  async ({ n }) => {
    await using of = await openRestoreRig()
    const goals = Array.from({ length: n }, (_, i) => `done-${i}`)
    await expectNothingIsDoneAgain(of, { goals, run: () => of.restore('b', '--with-ledgers') })
    await expectSettled(of, goals)
  },
)

control(
  {
    guard: "a person's look after record and ledger were both rolled back",
    test: 'restore-both-rolled-back',
    expect: /tweets, each done once: expected 4 to be 3/,
    timeoutMs: 240_000,
  },
  async () => {
    await using of = await openRestoreRig()
    const holdSlots = () => Promise.resolve({ held: [], goalsEnded: [] })
    const run = () => of.restoreWith({ importWords, holdSlots }, 'b', true)
    await expectNothingIsDoneAgain(of, { goals: ['done-0'], run })
  },
)

test('a ledger that is missing counts as rolled back, and is put in place', async () => {
  await using of = await openRestoreRig()
  const goals = ['gone']
  await expectNothingIsDoneAgain(of, {
    goals,
    run: () => {
      rmSync(join(of.rig.stateDir, 'ledgers'), { recursive: true })
      return of.restore('b')
    },
  })
})
