import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { TaskPayload } from '@chimera/contracts/task-payload'
import { TaskResult } from '@chimera/contracts/task-result'
import { MAX_LEASES_LOST } from '@chimera/domain/retry'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import type { Logger } from '@chimera/runtime/log'

import type {
  Executor,
  Executors,
  FindPersona,
  FindRegistryEntry,
  ReadTool,
  Recall,
  SearchRecord,
} from '../executors/executor.ts'
import { endingOfError, failed, forJudge, type Ending } from './attempt-ending.ts'

/** What executors are served with, per task. */
export type Bench = Readonly<{
  executors: Executors
  readToolOf: (task: ClaimedTask) => ReadTool
  searchRecordOf: (task: ClaimedTask) => SearchRecord
  findRegistryEntryOf: (task: ClaimedTask) => FindRegistryEntry
  findPersonaOf: (task: ClaimedTask) => FindPersona
  recallOf: (task: ClaimedTask) => Recall
  log: Logger
  random: () => number
}>

/** A result larger than this belongs into a file; the row keeps what people and the Judge read. */
export const MAX_RESULT_BYTES = 262_144

/**
 * Runs one attempt to its end and never throws but InvariantErrors. Whoever aborts `running`
 * gives the error as its reason; it counts as the attempt's. The time-out of the executor does
 * so, too.
 */
export async function runTask(
  bench: Bench,
  task: ClaimedTask,
  running: AbortController,
): Promise<Ending> {
  if (task.leasesLost >= MAX_LEASES_LOST) {
    const message = `Its workers died or fell silent ${task.leasesLost} times while running it.`
    return failed('terminal', 'ATTEMPTS_EXHAUSTED', message)
  }
  const executor = bench.executors.get(task.kind)
  if (executor === undefined) {
    return failed('terminal', 'EXECUTOR_MISSING', `No executor exists for ${task.kind}.`)
  }
  const payload = TaskPayload.safeParse(task.payload)
  if (!payload.success) {
    return failed(
      'terminal',
      'INPUT_INVALID',
      `The payload of ${task.kind} does not fit its schema.`,
    )
  }
  try {
    running.signal.throwIfAborted()
    const result = await execute({ bench, executor, task, payload: payload.data, running })
    return forJudge({ outcome: 'result', result: storable(result) })
  } catch (error) {
    // An executor that listens to its signal throws something of its own; the reason says more.
    const cause: unknown = running.signal.aborted ? running.signal.reason : error
    return endingOfError(task, cause, bench.random)
  }
}

/** Ends when `running` is aborted even when the executor does not listen. */
async function execute(of: {
  bench: Bench
  executor: Executor
  task: ClaimedTask
  payload: TaskPayload
  running: AbortController
}): Promise<TaskResult> {
  const { bench, executor, task, payload, running } = of
  const work = executor.execute({
    task,
    payload,
    readTool: bench.readToolOf(task),
    searchRecord: bench.searchRecordOf(task),
    findRegistryEntry: bench.findRegistryEntryOf(task),
    findPersona: bench.findPersonaOf(task),
    recall: bench.recallOf(task),
    log: bench.log,
    signal: running.signal,
  })
  // What is done at once needs no clock: a batch of drills starts no timers.
  if (!(work instanceof Promise)) return work
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new Error('aborted', { cause: running.signal.reason }))
  running.signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => {
    const message = `The executor of ${task.kind} did not end within ${executor.timeoutMs} ms.`
    running.abort(new RetryableError('UNAVAILABLE', message))
  }, executor.timeoutMs)
  try {
    return await Promise.race([work, aborted])
  } finally {
    clearTimeout(timer)
    running.signal.removeEventListener('abort', onAbort)
  }
}

/**
 * U+0000 as JSON writes it, behind an even number of backslashes; Postgres takes it in no jsonb.
 */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/

/** Parsed again: an executor may come from anywhere, and one bad result must not spoil a batch. */
function storable(result: TaskResult): TaskResult {
  const parsed = TaskResult.safeParse(result)
  if (!parsed.success) {
    throw new TerminalError('INPUT_INVALID', 'The result does not fit its schema.', {
      cause: parsed.error,
    })
  }
  const text = JSON.stringify(parsed.data)
  if (Buffer.byteLength(text) > MAX_RESULT_BYTES) {
    const message = `The result is larger than ${MAX_RESULT_BYTES} bytes.`
    throw new TerminalError('INPUT_INVALID', message)
  }
  if (NUL.test(text)) throw new TerminalError('INPUT_INVALID', 'The result holds a NUL character.')
  return parsed.data
}
