import { AgentTask, TaskConstraints } from '@chimera/contracts/agent-task'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import { taskStream } from '@chimera/contracts/streams'
import type { TaskMove } from '@chimera/infra/database/tasks/audited-moves'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publication, Publisher } from '@chimera/infra/streams/publisher'

/** A ring for the Judge. */
export type JudgeRing = Readonly<{
  ring: ResultRing
  tenantId: string
  traceparent?: string | undefined
}>

/** What a Worker tells the others after a commit. Losing it costs time: the Keeper rings again. */
export type Bells = Readonly<{
  /** With what the feed says of the moves that it rings for. */
  ringJudge: (rings: readonly JudgeRing[], moves?: readonly TaskMove[]) => Promise<void>
  /** For tasks that were handed back. */
  ringWorkers: (
    tasks: readonly { task: ClaimedTask; traceparent: string | undefined }[],
    moves: readonly TaskMove[],
  ) => Promise<void>
  feed: (moves: readonly TaskMove[]) => Promise<void>
}>

export function openBells({ publish }: Publisher): Bells {
  const send = async (batch: readonly Publication[]): Promise<void> => {
    if (batch.length > 0) await publish(batch)
  }
  return {
    ringJudge: (rings, moves = []) =>
      send([
        ...rings.map(({ ring, tenantId, traceparent }) => ({
          stream: 'chimera:results' as const,
          payload: ring,
          tenant: tenantId,
          traceparent,
          causation: 'tenant' in ring ? undefined : ring.id,
        })),
        ...linesOf(moves),
      ]),
    ringWorkers: (tasks, moves) =>
      send([
        ...tasks.map(({ task, traceparent }) => ({
          stream: taskStream(task.type),
          payload: onTheWire(task),
          tenant: task.tenantId,
          traceparent,
        })),
        ...linesOf(moves),
      ]),
    feed: (moves) => send(linesOf(moves)),
  }
}

const linesOf = (moves: readonly TaskMove[]): Publication[] =>
  feedEvents(moves).map((event) => ({
    stream: 'chimera:feed',
    payload: event,
    tenant: event.tenant,
  }))

/** The task as anyone may read it (source 002); who runs it reads the row. */
function onTheWire(task: ClaimedTask): AgentTask {
  return AgentTask.parse({
    task_id: task.id,
    parent_goal_id: task.goalId,
    type: task.type,
    payload: task.payload,
    constraints: TaskConstraints.parse(task.constraints),
    status: 'PENDING',
  })
}
