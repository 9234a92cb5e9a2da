import { TaskType } from '@chimera/contracts/agent-task'
import { taskStream, type WorkStream } from '@chimera/contracts/streams'
import type { Overview } from '@chimera/infra/database/sweeps/read-overview'
import { inspectStreams } from '@chimera/infra/streams/inspect'

import type { KeeperDeps } from '../duties/keeper-deps.ts'
import type { RingMemory } from '../duties/ring-memory.ts'
import type { QuietStreams } from './quiet-streams.ts'
import { ringWaiting } from './ring-waiting.ts'

const TASK_STREAMS = TaskType.options.map(taskStream)

/**
 * Rings rows that are older than their doorbell should take, on streams that have been quiet. Redis
 * is asked only about the streams of rows that are late.
 */
export async function ringLate(
  deps: KeeperDeps,
  of: {
    late: Overview['late']
    memory: { quiet: QuietStreams; rung: RingMemory }
    signal: AbortSignal
  },
): Promise<void> {
  const { quiet, rung } = of.memory
  const suspects = suspectStreams(of.late)
  const others = ALL_STREAMS.filter((stream) => !suspects.includes(stream))
  quiet.forget(others)
  if (suspects.length === 0) return
  const unheard = quiet.note(await inspectStreams({ redis: deps.redis, streams: suspects }))
  const streams = await ringWaiting(deps, {
    which: 'late',
    streams: unheard,
    mayRing: (key) => rung.mayRing(key),
    signal: of.signal,
    onRung: (key) => rung.noteRing(key),
  })
  quiet.forget(streams)
}

const ALL_STREAMS: readonly WorkStream[] = [
  'chimera:goals',
  ...TASK_STREAMS,
  'chimera:results',
  'chimera:effects',
]

function suspectStreams(late: Overview['late']): WorkStream[] {
  const streams: WorkStream[] = []
  if (late.goals) streams.push('chimera:goals')
  if (late.tasks) streams.push(...TASK_STREAMS)
  if (late.results) streams.push('chimera:results')
  if (late.effects) streams.push('chimera:effects')
  return streams
}
