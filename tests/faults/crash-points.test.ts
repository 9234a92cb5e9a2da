import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { describe, expect } from 'vitest'

import { ended, eventually, logs, openStackRig } from '../e2e/stack-rig.ts'
import { guarantee } from '../guarantee.ts'

/** What has to happen beside one tweet for the Keeper's own points to be reached. */
const KEEPER_SWEEP: CrashPoint = 'keeper.sweep.before_publish'

/**
 * One goal through the whole path while the process that reaches `label` kills itself there; X's
 * own duplicate check is off, so that a second post would show.
 */
async function expectOneTweet(label: CrashPoint): Promise<void> {
  await using rig = await openStackRig({
    env: { CHIMERA_CRASH_AT: label, LEASE_MS: '2000', TWEET_ABSENCE_MS: '1500' },
  })
  await rig.misbehave({ duplicate_check: false })
  const body = { id: 'g', text: 'publish a tweet: through the crash' }
  if (label === KEEPER_SWEEP) {
    // A goal whose doorbell is lost before anybody hears it: only the sweep can find it.
    await rig.signal('planner', 'SIGSTOP')
    await rig.api('/v1/goals', { method: 'POST', body })
    await (await rig.redis()).flushall()
    await rig.signal('planner', 'SIGCONT')
  } else {
    await rig.xadd('goal', JSON.stringify(body))
  }
  try {
    const goal = await ended(rig, 'g', 40_000)
    await eventually(() => rig.crashes()[0], 10_000, `${label} is reached`)
    expect(rig.crashes().map((crash) => crash.label)).toContain(label)
    expect(rig.tweets()).toHaveLength(1)
    expect(goal).toMatchObject({ status: 'COMPLETED' })
    expect(goal.effects.at(-1)).toMatchObject({
      state: 'CONFIRMED',
      provider_ref: rig.tweets()[0]?.id,
    })
  } catch (error) {
    throw new Error(`${label}: ${String(error)}\n${logs(rig.stateDir)}`, { cause: error })
  }
}

// Some at a time: each stack mostly waits for its processes to start.
describe.concurrent('SIGKILL at', () => {
  for (const label of CRASH_POINTS) {
    guarantee(
      {
        id: `crash:${label}`,
        title: `${label} leaves one tweet`,
        n: 1,
        seed: 0,
        timeoutMs: 120_000,
      },
      () => expectOneTweet(label),
    )
  }
})
