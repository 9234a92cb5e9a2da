import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { expect } from 'vitest'

import { ended, eventually, logs } from '../e2e/stack-rig.ts'
import { silence } from '../e2e/stand-in.ts'
import { startTestWorker } from '../e2e/test-worker/start-test-worker.ts'
import { control, guarantee, sampleSize } from '../guarantee.ts'
import { openComposedAccount } from './composed-account.ts'
import { openFaultRig, postGoals } from './fault-rig.ts'
import { forceAgain } from './force-again.ts'

const LEASE_MS = 2_000

/** Where others than the worker can die while a proposal of theirs is under way. */
const LABELS = CRASH_POINTS.filter((label) => /^(judge|tool)\./.test(label))

/**
 * A process dies at `label` with an effect on its way; the task is proposed again in other words
 * before anybody knows what became of it.
 */
async function expectOneTweet(label: CrashPoint, composed?: readonly string[]): Promise<void> {
  const crashAt = { CHIMERA_CRASH_AT: label }
  await using faults = await openFaultRig({
    ...(composed === undefined ? crashAt : {}),
    LEASE_MS: String(LEASE_MS),
  })
  const { rig } = faults
  await rig.misbehave({ duplicate_check: false })
  await silence(rig, 'worker')
  const args = ['--reword']
  await using workers = new AsyncDisposableStack()
  const worker = workers.use(
    await startTestWorker(rig, { name: 'reworder', args, leaseMs: LEASE_MS }),
  )
  const account =
    composed === undefined
      ? undefined
      : workers.use(await openComposedAccount(faults, { composed, crashAt: label }))
  const goal = { id: 'g', text: 'publish a tweet: as it was written' }
  await postGoals(faults, [account === undefined ? goal : { ...goal, agent_id: account.agent }])
  try {
    await eventually(() => rig.crashes()[0], 20_000, `${label} is reached`)
    const isForced = await forceAgain(faults, 'g')
    const view = await ended(rig, 'g', 40_000)
    expect(rig.tweets()).toHaveLength(1)
    expect(view).toMatchObject({ status: 'COMPLETED' })
    expect(view.tasks[0]?.attempts.length).toBe(isForced ? 2 : 1)
  } catch (cause) {
    const said = `${worker.log()}${account?.tool.log() ?? ''}${logs(rig.stateDir)}`
    throw new Error(`${label}: ${String(cause)}\n${said}`, { cause })
  } finally {
    await rig.signal('worker', 'SIGCONT')
  }
}

guarantee(
  {
    id: 'reworded-crashes',
    title: 'whoever dies while the words change: one tweet',
    n: sampleSize({ ci: 2, full: LABELS.length }),
    seed: 11,
    timeoutMs: 600_000,
  },
  async ({ n, random }) => {
    for (const label of random.shuffle(LABELS).slice(0, n)) await expectOneTweet(label)
  },
)

control(
  {
    guard: 'the claim before the act',
    test: 'reworded-crashes',
    expect: /to have a length of 1 but got 2/,
    timeoutMs: 120_000,
  },
  () => expectOneTweet('tool.send.sent', ['without=claim']),
)
