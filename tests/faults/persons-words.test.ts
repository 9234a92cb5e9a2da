/** What only a person can say: the outcome that no provider tells, and a ledger that was lost. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import type { EffectView } from '@chimera/contracts/observable'
import { expect, test } from 'vitest'

import { ended, eventually, type StackRig } from '../e2e/stack-rig.ts'
import { sampleSize } from '../guarantee.ts'
import { openFaultRig } from './fault-rig.ts'

/** The minute for which an account is held after its ledger was lost. */
const IS_WAITED_OUT = sampleSize({ ci: 0, full: 1 }) === 1

/** Long enough for a command line to come within it, on a machine that is busy. */
const ABSENCE_MS = 15_000

async function pidOfX(rig: StackRig): Promise<number> {
  const { simulated } = await rig.report()
  const pid = simulated[0]?.pid
  if (typeof pid !== 'number') throw new Error('X does not run')
  return pid
}

/** The goal's effect once it is UNKNOWN. */
const unknownEffect = (rig: StackRig, goal: string): Promise<EffectView> =>
  eventually(
    async () => (await rig.goal(goal)).effects.find(({ state }) => state === 'UNKNOWN'),
    15_000,
    `the effect of ${goal} is UNKNOWN`,
  )

/** Posts a goal whose tweet X takes, without ever saying so. */
async function postUnheard(rig: StackRig, id: string): Promise<string> {
  await rig.misbehave({ fault: 'hang', match: id, times: 1 })
  await rig.xadd('text', `publish a tweet: ${id}`, 'id', id)
  const isOf = ({ body }: { body: unknown }) => JSON.stringify(body).includes(id)
  const tweet = await eventually(() => rig.tweets().find(isOf), 15_000, `X has ${id}`)
  return tweet.id ?? ''
}

test.concurrent('a person settles what X cannot tell, after its bound, also stopped', async () => {
  await using of = await openFaultRig({ TWEET_ABSENCE_MS: String(ABSENCE_MS) })
  const { rig } = of
  const pid = await pidOfX(rig)
  const reference = await postUnheard(rig, 'unheard')
  process.kill(pid, 'SIGSTOP')
  const { id } = await unknownEffect(rig, 'unheard')
  const settle = (...said: string[]) =>
    rig.cli('effect', 'settle', id, ...said, '--reason', 'I looked', '--yes')
  // Until the bound is over X itself may tell.
  const early = await settle('--did-not-happen')
  expect(early.stderr).toContain('can still tell')
  expect(early.code).toBe(4)
  await sleep(ABSENCE_MS + 2_000)
  expect((await rig.cli('stop')).code).toBe(0)
  const unsure = await rig.cli('effect', 'settle', id, '--did-not-happen', '--reason', 'x')
  expect(unsure.code).toBe(2)
  const settled = await settle('--happened', reference)
  expect([settled.code, settled.stderr]).toEqual([0, expect.stringContaining('carried')])
  process.kill(pid, 'SIGCONT')
  await rig.cli('resume')
  const goal = await ended(rig, 'unheard')
  expect(goal.status).toBe('COMPLETED')
  expect(goal.effects).toMatchObject([{ state: 'CONFIRMED', provider_ref: reference }])
  expect(rig.tweets()).toHaveLength(1)
  const shown = await rig.cli('effect', 'show', id)
  expect(shown.stdout).toContain('I looked')
})

test.concurrent('a lost ledger is adopted: what was open is looked up, not redone', async () => {
  await using of = await openFaultRig({ TWEET_ABSENCE_MS: '8000' })
  const { rig } = of
  await rig.cli('goal', 'post', 'publish a tweet: before', '--id', 'before', '--wait')
  const [tool] = (await rig.status()).tools
  await postUnheard(rig, 'open')
  const account = tool?.account ?? ''
  const file = tool?.ledger.path ?? ''
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
  await rig.signal('tweet', 'SIGKILL')
  await eventually(
    async () => (await rig.status()).tools[0]?.reason?.startsWith('LEDGER_BEHIND') || undefined,
    20_000,
    'the tool server says that its ledger is behind',
  )
  await rig.cli('goal', 'post', 'publish a tweet: after', '--id', 'after')
  await sleep(3_000)
  expect(rig.tweets()).toHaveLength(2)
  const adopted = await rig.cli('tools', 'adopt', account, '--yes')
  expect([adopted.code, adopted.stderr]).toEqual([0, expect.stringContaining('carried')])
  expect(await ended(rig, 'open', 60_000)).toMatchObject({ status: 'COMPLETED' })
  expect(rig.tweets()).toHaveLength(2)
  // Its grant is carried there first. Whatever the lost ledger had let out has a minute to arrive.
  const held = await eventually(
    async () => {
      const { waiting_on: wait } = await rig.goal('after')
      return wait?.reason.includes('cooldown') === true ? wait : undefined
    },
    20_000,
    'the account is held',
  )
  expect(rig.tweets()).toHaveLength(2)
  expect(Date.parse(held.until ?? '') - Date.now()).toBeLessThanOrEqual(60_000)
  if (!IS_WAITED_OUT) return
  expect(await ended(rig, 'after', 90_000)).toMatchObject({ status: 'COMPLETED' })
  expect(rig.tweets()).toHaveLength(3)
})
