import { KillReport } from '@chimera/contracts/observable'
import { expect } from 'vitest'

import { eventually } from '../../e2e/stack-rig.ts'
import { guarantee, sampleSize } from '../../guarantee.ts'
import { openFaultRig } from '../fault-rig.ts'
import { ledgerOf, QUICK } from './stop-load.ts'

guarantee(
  {
    id: 'kill-asleep',
    title: 'a server that slept through a kill level is named, and claims nothing when it wakes up',
    n: sampleSize({ ci: 1, full: 20 }),
    seed: 62,
    timeoutMs: 600_000,
  },
  async ({ n, random }) => {
    await using of = await openFaultRig(QUICK)
    const { rig } = of
    for (let round = 0; round < n; round += 1) {
      const prefix = `k-${round}-`
      for (let at = 0; at < 20; at += 1) {
        await rig.xadd('text', `publish a tweet: ${prefix}${at}`, 'id', `${prefix}${at}`)
      }
      const isSending = () => rig.posts().some(({ body }) => JSON.stringify(body).includes(prefix))
      await eventually(() => isSending() || undefined, 30_000, 'the load flows')
      await rig.signal('tweet', 'SIGSTOP')
      const raised = await rig.cli('kill', 'raise', '3', '--reason', 'drill', '--json')
      expect(raised.code).toBe(1)
      const report = KillReport.parse(JSON.parse(raised.stdout))
      expect(report).toMatchObject({ level: 3, tools: [{ name: 'tweet', result: 'unreachable' }] })
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 1_000)))
      const wokenAt = new Date().toISOString()
      await rig.signal('tweet', 'SIGCONT')
      const levels = async () => (await rig.cli('kill', 'show', '--json')).stdout
      const isTold = async () => /"name": ?"tweet",\s*"level": ?3/.test(await levels()) || undefined
      await eventually(isTold, 20_000, 'the server has the level')
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const claimed = (await ledgerOf(rig)).filter(
        ({ claimed_at: at, state }) => at !== null && at > wokenAt && state !== 'VOID',
      )
      expect(claimed).toEqual([])
      const lowered = await rig.cli('kill', 'lower', '0', '--reason', 'over', '--json')
      expect(lowered.code, lowered.stderr).toBe(0)
    }
  },
)
