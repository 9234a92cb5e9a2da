import { StopReport } from '@chimera/contracts/observable'
import { expect } from 'vitest'

import { eventually } from '../../e2e/stack-rig.ts'
import { guarantee, sampleSize } from '../../guarantee.ts'
import { allCompleted, openFaultRig, type FaultRig } from '../fault-rig.ts'
import { ledgerOf, notOnce, QUICK, resume } from './stop-load.ts'

/** Goals that wait in the tool server's queue, or on their way to it. */
async function postMany({ rig }: FaultRig, prefix: string, n: number): Promise<void> {
  for (let at = 0; at < n; at += 1) {
    await rig.xadd('text', `publish a tweet: ${prefix}${at}`, 'id', `${prefix}${at}`)
  }
}

guarantee(
  {
    id: 'stop-asleep',
    title: 'a tool server that slept through a stop is named, and claims nothing when it wakes up',
    n: sampleSize({ ci: 3, full: 20 }),
    seed: 42,
    timeoutMs: 600_000,
  },
  async ({ n, random }) => {
    await using of = await openFaultRig(QUICK)
    const { rig } = of
    for (let round = 0; round < n; round += 1) {
      const prefix = `s-${round}-`
      await postMany(of, prefix, 20)
      const isSending = () => rig.posts().some(({ body }) => JSON.stringify(body).includes(prefix))
      await eventually(() => isSending() || undefined, 30_000, 'the load flows')
      await rig.signal('tweet', 'SIGSTOP')
      const stop = await rig.cli('stop', '--json')
      expect(stop.code).toBe(1)
      const report = StopReport.parse(JSON.parse(stop.stdout))
      expect(report.tools).toMatchObject([{ name: 'tweet', result: 'unreachable' }])
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 1_000)))
      const wokenAt = new Date().toISOString()
      await rig.signal('tweet', 'SIGCONT')
      await eventually(
        async () => (await rig.status()).tools[0]?.state === 'fenced' || undefined,
        10_000,
        'the tool server is fenced',
      )
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const claimed = (await ledgerOf(rig)).filter(
        ({ claimed_at: at, state }) => at !== null && at > wokenAt && state !== 'VOID',
      )
      expect(claimed).toEqual([])
      await resume(rig)
      await allCompleted(of, { prefix, n: 20, withinMs: 60_000 })
    }
    expect(notOnce(of)).toEqual([])
  },
)
