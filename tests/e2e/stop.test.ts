import { StopReport } from '@chimera/contracts/observable'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type StackRig, ended, eventually, openStackRig } from './stack-rig.ts'

let rig: StackRig

beforeAll(async () => {
  rig = await openStackRig()
}, 120_000)
afterAll(() => rig[Symbol.asyncDispose]())

it('a stop lets nothing out, and resume lets out what waited', async () => {
  await rig.cli('goal', 'post', 'publish a tweet: before the stop', '--id', 'before', '--wait')
  const stop = await rig.cli('stop', '--json')
  expect(stop.code).toBe(0)
  const report = StopReport.parse(JSON.parse(stop.stdout))
  expect(report.tools).toMatchObject([{ result: 'fenced', in_flight: [] }])
  const acknowledged = report.acknowledged_at

  await rig.cli('goal', 'post', 'publish a tweet: while stopped', '--id', 'while')
  const waiting = await eventually(
    async () => {
      const goal = await rig.goal('while')
      return goal.waiting_on === null ? undefined : goal
    },
    10_000,
    'the goal says what it waits for',
  )
  expect(waiting.waiting_on?.unblock).toBe('chimera resume')
  expect(rig.posts().filter(({ received_at }) => received_at > acknowledged)).toEqual([])

  expect((await rig.cli('resume', '--json')).code).toBe(0)
  expect(await ended(rig, 'while')).toMatchObject({ status: 'COMPLETED' })
  expect(rig.tweets()).toHaveLength(2)
})
