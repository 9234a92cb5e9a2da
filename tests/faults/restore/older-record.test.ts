import { holdSlots } from '@chimera/infra/database/backup/hold-slots'
import { expect } from 'vitest'

import { ended, eventually } from '../../e2e/stack-rig.ts'
import { control, guarantee } from '../../guarantee.ts'
import { effectStates, openRestoreRig, type Printed, type RestoreRig } from './restore-rig.ts'

const post = (id: string) => ['goal', 'post', `publish a tweet: ${id}`, '--id', id]

/** `early` is accepted before the backup and done after it, `late-*` only come after it. */
async function outrunBackup(of: RestoreRig, n: number): Promise<string[]> {
  const { rig } = of
  await rig.misbehave({ duplicate_check: false })
  await rig.cli(...post('before'), '--wait')
  await rig.cli('stop', '--json')
  await rig.cli(...post('early'))
  await eventually(async () => (await rig.goal('early')).waiting_on ?? undefined, 10_000, 'waits')
  await of.backup('b')
  await rig.cli('resume', '--json')
  const late = Array.from({ length: n }, (_, i) => `late-${i}`)
  for (const id of late) await rig.cli(...post(id))
  for (const id of ['early', ...late]) await ended(rig, id)
  expect(rig.tweets()).toHaveLength(n + 2)
  await of.down()
  return late
}

async function expectRecordOfEverything(
  of: RestoreRig,
  { n, run }: { n: number; run: () => Promise<Printed> },
): Promise<void> {
  const { rig } = of
  const late = await outrunBackup(of, n)
  const report = await run()
  await expectHappened(of, n + 2)
  expect(report.accounts).toMatchObject([
    { ledger: 'disk', both_rolled_back: false, needs_human: 0, differs: [] },
  ])
  expect(report.accounts[0]?.imported.made).toBeGreaterThan(n)
  const budgets = await of.ask(
    "SELECT spent::int, reserved::int FROM budgets WHERE scope = 'goal' AND asset = 'USD'",
  )
  expect(budgets).toHaveLength(n + 2)
  for (const budget of budgets) expect(budget).toEqual({ spent: 15_000, reserved: 0 })

  await of.up()
  // A fresh simulation checks for duplicates, which would hide one.
  await rig.misbehave({ duplicate_check: false })
  const { fence } = await rig.status()
  expect(fence).toContainEqual({ ...report.fence, stopped: true })
  await rig.cli('resume', '--json')
  expect(await ended(rig, 'early')).toMatchObject({ status: 'COMPLETED' })
  for (const id of late) {
    const goal = await rig.goal(id)
    expect(goal).toMatchObject({ status: 'FAILED', failure: { code: 'RECORD_BEHIND' } })
    expect(goal.partial).toHaveLength(1)
  }
  // The same goal again, by someone who does not know that it has been done.
  const again = await rig.cli(...post('late-0'))
  expect(again.stderr).toContain('late-0')
  expect(again.code).toBe(6)
  expect(await rig.cli(...post('after'), '--wait')).toMatchObject({ code: 0 })
  expect(rig.tweets()).toHaveLength(n + 3)
  await expectHappened(of, n + 3)
}

/** So many effects in the record, and none in doubt; rounds that met a cooldown are EXPIRED. */
async function expectHappened(of: RestoreRig, n: number): Promise<void> {
  const { CONFIRMED: happened = 0, EXPIRED: _over, ...others } = await effectStates(of)
  expect(happened, 'effects that the record says happened').toBe(n)
  expect(others).toEqual({})
}

guarantee(
  {
    id: 'restore-older-record',
    title: 'what the ledger knows has happened in the restored record, and does not happen again',
    n: 5,
    seed: 1,
    timeoutMs: 240_000,
  },
  async ({ n }) => {
    await using of = await openRestoreRig()
    await expectRecordOfEverything(of, { n, run: () => of.restore('b') })
  },
)

control(
  {
    guard: 'the import of the ledgers',
    test: 'restore-older-record',
    expect: /effects that the record says happened: expected 1 to be 3/,
    timeoutMs: 240_000,
  },
  async () => {
    await using of = await openRestoreRig()
    const importNothing = () => {
      const differs: [] = []
      const sum = { entries: 0, same: 0, settled: 0, adopted: 0, made: 0, clients: 0, differs }
      return Promise.resolve(sum)
    }
    const run = () => of.restoreWith({ importWords: importNothing, holdSlots }, 'b')
    await expectRecordOfEverything(of, { n: 1, run })
  },
)
