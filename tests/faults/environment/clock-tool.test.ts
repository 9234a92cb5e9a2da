import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import { Rig } from '../../integration/tool-rig.ts'
import { findFaketime, type MovedClock, openMovedClock } from './moved-clock.ts'
import { believe, expectOnePost } from './tool-traces.ts'
import { onMachine } from './where.ts'

/** The wall clock of a tool server is put forward or back by an hour while it works. */

const { library = '', fault } = findFaketime()
const { guarantee, control } = onMachine(fault)

const HOUR = 3_600
const FAST = {
  TWEET_COOLDOWN_MS: '1',
  // X may show a post so late; nothing is absent before.
  TWEET_ABSENCE_MS: '3000',
  TWEET_SEND_TIMEOUT_MS: '500',
}
const args = { text: 'said once', is_ai_labeled: true }

async function withClock(
  composed: readonly string[] | undefined,
  body: (rig: Rig, clock: MovedClock) => Promise<void>,
): Promise<void> {
  await using rig = new Rig()
  await rig.startX({ inside: true })
  await rig.tellX({ duplicate_check: false })
  const clock = openMovedClock(library, join(rig.folder, 'clock'))
  await rig.startTool({
    env: { ...FAST, ...clock.env },
    ...(composed === undefined ? {} : { composed }),
  })
  await body(rig, clock)
}

/** A post's answer is lost, and the clock jumps before the post is to be seen. */
const jumpWhileUnknown = (seconds: number, composed?: readonly string[]): Promise<void> =>
  withClock(composed, async (rig, clock) => {
    await rig.tellX({ fault: 'cut', timeline_delay_ms: 1_500 })
    const claims = rig.claims({ args })
    expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
    clock.move(seconds)
    // Whoever asks for it meanwhile, and however often.
    for (let asked = 0; asked < 3; asked += 1) {
      await rig.reconcile([claims.jti]).catch(() => undefined)
      await sleep(100)
    }
    const during = await rig.call(rig.claims({ args }), args)
    const told = await rig.hello()
    clock.move(0)
    await sleep(1_500)
    await rig.hello()
    await believe(rig, claims, await rig.settled(claims.jti))
    expectOnePost(rig)
    expect(during).toMatchObject({ status: 'NONE', code: 'CLOCK_JUMP', receipt: undefined })
    expect(told).toMatchObject({
      state: 'closed',
      reason: expect.stringMatching(/^CLOCK_JUMP: its clock jumped by -?3[56]\d{5} ms/),
    })
    expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ status: 'CONFIRMED' })
  })

/** A clock that was wrong all the time is put right: that is a jump as well. */
const putRight = (seconds: number): Promise<void> =>
  withClock(undefined, async (rig, clock) => {
    await rig.tool.kill()
    clock.move(seconds)
    await rig.startTool({ env: { ...FAST, ...clock.env } })
    expect(rig.status).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('CLOCK_JUMP'),
    })
    clock.move(0)
    expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ code: 'CLOCK_JUMP' })
    expect(await rig.hello()).toMatchObject({ state: 'open' })
    expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ status: 'CONFIRMED' })
    expectOnePost(rig)
  })

describe.concurrent('by an hour', () => {
  for (const [name, seconds] of [
    ['forward', HOUR],
    ['back', -HOUR],
  ] as const) {
    guarantee(
      {
        id: `clock-tool:${name}`,
        title: `a tool server whose clock is put ${name} closes until the hello after it is right`,
        n: 1,
        seed: 61,
      },
      () => jumpWhileUnknown(seconds),
    )
    guarantee(
      {
        id: `clock-tool-right:${name}`,
        title: `a tool server whose clock was ${name} opens at a hello once it is put right`,
        n: 1,
        seed: 62,
      },
      () => putRight(seconds),
    )
  }

  control(
    {
      guard: 'the comparison of the two clocks',
      test: 'clock-tool:forward',
      expect: /I1 provider effects for one intended effect.*length of 1 but got 2/s,
    },
    () => jumpWhileUnknown(HOUR, ['without=steady-clock']),
  )
})

test('a grant from the future closes the server, until a hello agrees on the time', async () => {
  await using rig = new Rig()
  await rig.startX({ inside: true })
  await rig.startTool({ env: FAST })
  const inAnHour = { iat: Math.floor(Date.now() / 1_000) + HOUR }
  const early = await rig.call(rig.claims({ args, ...inAnHour }), args)
  expect(early).toMatchObject({ status: 'NONE', code: 'CLOCK_JUMP', receipt: undefined })
  expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ code: 'CLOCK_JUMP' })
  expect(await rig.hello(inAnHour)).toMatchObject({ state: 'closed' })
  expect(rig.posts()).toHaveLength(0)
  expect(await rig.hello()).toMatchObject({ state: 'open' })
  expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ status: 'CONFIRMED' })
})
