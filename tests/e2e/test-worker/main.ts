/**
 * A Worker that is not the product's, for tests of faults: its tweets take as long as `--dwell-ms`
 * says, its second attempt at a task uses other words than its first (`--reword`), its clock is off
 * by `--clock-offset-ms`, and it may leave what its last life had claimed (`--without-take-back`).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import type { Database } from '@chimera/infra/database/open-database'
import { defineExecutor } from '@chimera/worker/executors/executor'

import { seenThrough } from '../../faults/model/without.ts'
import { reworded } from './reworded.ts'
import { runTestWorker } from './run-test-worker.ts'

const { values } = parseArgs({
  options: {
    reword: { type: 'boolean', default: false },
    'dwell-ms': { type: 'string', default: '0' },
    'clock-offset-ms': { type: 'string', default: '0' },
    'without-take-back': { type: 'boolean', default: false },
  },
})

const offsetMs = Number(values['clock-offset-ms'])
if (offsetMs !== 0) {
  const now = Date.now.bind(Date)
  Date.now = () => now() + offsetMs
}

const tweetPost = defineExecutor({
  kind: 'tweet.post',
  async execute({ task, payload }) {
    await sleep(Number(values['dwell-ms']))
    const { text, origin } = values.reword && task.attempt > 1 ? reworded(payload) : payload
    const { slot, media_ids, is_ai_labeled } = payload
    const args = { text, media_ids, is_ai_labeled }
    return {
      confidence: 1,
      artifacts: [],
      evidence: [],
      proposed_effects: [{ slot, tool: 'post_tweet', args, provenance: origin }],
    }
  },
})

await runTestWorker({
  executors: [tweetPost],
  taskTypes: ['CONTENT_GEN'],
  ...(values['without-take-back'] ? { seen: withoutTakeBack } : {}),
})

/** Leases of its last life belong to somebody else, for all that this worker asks. */
function withoutTakeBack(database: Database): Database {
  return seenThrough(database, {
    ask: (statement) =>
      statement.text.includes('LEASE_TAKEN_BACK')
        ? { ...statement, values: (statement.values ?? []).with(0, 'nobody') }
        : statement,
  })
}
