import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { StopReport } from '@chimera/contracts/observable'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'

import { type StackRig, ended, eventually, openStackRig } from './stack-rig.ts'

let rig: StackRig

beforeAll(async () => {
  rig = await openStackRig()
}, 120_000)
afterAll(() => rig[Symbol.asyncDispose]())

/** The goal as soon as it says that a person could end its waiting. */
const waiting = (id: string) =>
  eventually(
    async () => {
      const goal = await rig.goal(id)
      return goal.waiting_on?.unblock === 'chimera resume' ? goal : undefined
    },
    10_000,
    `goal ${id} waits for a person`,
  )

it('a stop lets nothing out, and resume lets out what waited at once', async () => {
  await rig.cli('goal', 'post', 'publish a tweet: before the stop', '--id', 'before', '--wait')
  const stop = await rig.cli('stop', '--json')
  expect(stop.code).toBe(0)
  const report = StopReport.parse(JSON.parse(stop.stdout))
  expect(report.tools).toMatchObject([{ result: 'fenced', in_flight: [] }])
  const acknowledged = report.acknowledged_at

  await rig.cli('goal', 'post', 'publish a tweet: while stopped', '--id', 'while')
  await waiting('while')
  expect(rig.posts().filter(({ received_at }) => received_at > acknowledged)).toEqual([])

  expect((await rig.cli('resume', '--json')).code).toBe(0)
  const resumedAt = Date.now()
  expect(await ended(rig, 'while')).toMatchObject({ status: 'COMPLETED' })
  expect(rig.tweets()).toHaveLength(2)
  const sentAt = Date.parse(rig.tweets().at(-1)?.received_at ?? '')
  expect(sentAt - resumedAt).toBeLessThan(3_000)
})

it('a stop of one scope stops that scope only', async () => {
  const { tools } = await rig.status()
  const account = tools[0]?.account ?? ''
  expect((await rig.cli('stop', '--goal', 'held', '--reason', 'drill')).code).toBe(0)
  await rig.cli('goal', 'post', 'publish a tweet: held', '--id', 'held')
  await rig.cli('goal', 'post', 'publish a tweet: free', '--id', 'free')
  await waiting('held')
  expect(await ended(rig, 'free')).toMatchObject({ status: 'COMPLETED' })
  // A second stop on top: the goal is free only when both have ended.
  expect((await rig.cli('stop', '--tool', account)).code).toBe(0)
  await rig.cli('resume', '--goal', 'held')
  await rig.cli('goal', 'post', 'publish a tweet: held, too', '--id', 'held-too')
  await waiting('held-too')
  await rig.cli('resume', '--tool', account)
  for (const id of ['held', 'held-too']) {
    expect(await ended(rig, id)).toMatchObject({ status: 'COMPLETED' })
  }
})

it('without gateway and record the tool servers are stopped directly', async () => {
  const { tools } = await rig.status()
  await rig.signal('gateway', 'SIGSTOP')
  const stop = await rig.cli('stop', '--json')
  expect(stop.stderr).toContain('without it')
  expect(stop.code).toBe(0)
  const report = StopReport.parse(JSON.parse(stop.stdout))
  expect(report.tools).toMatchObject([{ name: tools[0]?.name, result: 'fenced' }])
  await rig.signal('gateway', 'SIGCONT')
  const everything = async () =>
    (await rig.status()).fence.find(({ scope }) => scope === 'everything')
  const taken = await eventually(
    async () => {
      const fence = await everything()
      return fence?.stopped === true && fence.epoch >= report.epoch ? fence : undefined
    },
    10_000,
    'the record knows of the stop',
  )
  await rig.cli('goal', 'post', 'publish a tweet: directly stopped', '--id', 'direct')
  await waiting('direct')
  const resumed = await rig.cli('resume', '--json')
  expect(resumed.code).toBe(0)
  expect(Resumed.parse(JSON.parse(resumed.stdout)).epoch).toBeGreaterThan(taken.epoch)
  expect(await ended(rig, 'direct')).toMatchObject({ status: 'COMPLETED' })
})

const Resumed = z.object({ epoch: z.int() })

it('nobody can undo a stop with the token of a stop', async () => {
  const { tools } = await rig.status()
  const token = readFileSync(join(rig.stateDir, 'keys', 'stop.token'), 'utf8').trim()
  const answer = await fetch(new URL('/control/fence', tools[0]?.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: 'everything', epoch: 999_999, stopped: false }),
  })
  expect(answer.status).toBe(403)
})
