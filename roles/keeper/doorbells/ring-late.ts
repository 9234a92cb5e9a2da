import { TaskType } from '@chimera/contracts/agent-task'
import { taskStream, type WorkStream } from '@chimera/contracts/streams'
import type { Overview } from '@chimera/infra/database/sweeps/read-overview'
import { inspectStreams } from '@chimera/infra/streams/inspect'

import type { KeeperDeps } from '../duties/keeper-deps.ts'
import type { RingMemory } from '../duties/ring-memory.ts'
import type { PassedStreams } from './passed-streams.ts'
import type { QuietStreams } from './quiet-streams.ts'
import { ringWaiting } from './ring-waiting.ts'

const TASK_STREAMS = TaskType.options.map(taskStream)

/**
 * Rings rows that are older than their doorbell should take: on streams that have been quiet, and
 * on those that never are, when their group is long past where the doorbell must have been. Redis
 * is asked only about the streams of rows that are late.
 */
export async function ringLate(
  deps: KeeperDeps,
  of: {
    late: Overview['late']
    memory: { quiet: QuietStreams; passed: PassedStreams; rung: RingMemory }
    signal: AbortSignal
  },
): Promise<void> {
  const { quiet, passed, rung } = of.memory
  const suspects = suspectStreams(of.late)
  const others = ALL_STREAMS.filter((stream) => !suspects.includes(stream))
  quiet.forget(others)
  if (suspects.length === 0) return
  const states = await inspectStreams({ redis: deps.redis, streams: suspects })
  const ringing = {
    mayRing: (key: string) => rung.mayRing(key),
    signal: of.signal,
    onRung: (key: string) => rung.noteRing(key),
  }
  const unheard = quiet.note(states)
  const late = { olderThanMs: of.late.afterMs }
  quiet.forget(await ringWaiting(deps, { ...ringing, which: late, streams: unheard }))
  for (const { stream, olderThanMs } of passed.note(states)) {
    if (unheard.includes(stream)) continue
    await ringWaiting(deps, { ...ringing, which: { olderThanMs }, streams: [stream] })
  }
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
