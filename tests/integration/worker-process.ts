/**
 * A Worker process of its own with other executors, for tests that kill it. `noop` tasks do what
 * their index says: 0 and 1..899 nothing, 900 never ends, 901 kills the process, above 1000 the
 * rest in milliseconds.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { defineExecutor } from '@chimera/worker/executors/executor'

import { runTestWorker } from '../e2e/test-worker/run-test-worker.ts'

const NOTHING = { confidence: 1, artifacts: [], evidence: [], proposed_effects: [] }

const drill = defineExecutor({
  kind: 'noop',
  execute({ payload: { index } }) {
    if (index === 900) return new Promise(() => undefined)
    if (index === 901) process.kill(process.pid, 'SIGKILL')
    return index > 1_000 ? sleep(index - 1_000, NOTHING) : NOTHING
  },
})

await runTestWorker({ executors: [drill], taskTypes: ['RESEARCH'] })
