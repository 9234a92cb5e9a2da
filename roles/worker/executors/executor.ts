import { InvariantError, TerminalError } from '@chimera/contracts/errors'
import type { RegistryKind } from '@chimera/contracts/judging/registry'
import type { TaskKind, TaskPayload } from '@chimera/contracts/task-payload'
import type { TaskResult } from '@chimera/contracts/task-result'
import type { PersonaInUse } from '@chimera/domain/persona/default-persona'
import type { NamedEntry } from '@chimera/infra/database/registry/find-registry-entry'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import type { RecordSearch } from '@chimera/infra/database/tasks/search-record'
import type { PromptPart } from '@chimera/infra/llm/model'
import type { Logger } from '@chimera/runtime/log'

/** Calls a tool that changes nothing, on the account of the task's agent. Never a mutating one. */
export type ReadTool = (tool: string, args: Record<string, unknown>) => Promise<unknown>

/** Searches the record of the task's own tenant. */
export type SearchRecord = (question: string) => Promise<RecordSearch>

/** The row of the task's own tenant that people call by this name, as it holds now. */
export type FindRegistryEntry = (
  kind: RegistryKind,
  name: string,
) => Promise<NamedEntry | undefined>

/** The persona that speaks for the task, in the version that is pinned now. */
export type FindPersona = () => Promise<PersonaInUse>

/** What the task's agent remembers, as parts of a prompt; none when there is nothing, or nobody. */
export type Recall = (of: { question: string; onlyTrusted: boolean }) => Promise<PromptPart[]>

/** All that an executor may touch: it cannot reach the database, the streams or a mutating tool. */
export type ExecutorContext<P extends TaskPayload = TaskPayload> = Readonly<{
  task: ClaimedTask
  payload: P
  readTool: ReadTool
  searchRecord: SearchRecord
  findRegistryEntry: FindRegistryEntry
  findPersona: FindPersona
  recall: Recall
  log: Logger
  /**
   * Aborted at the time-out, when the task is lost to another Worker, and when the process stops.
   */
  signal: AbortSignal
}>

type Work = TaskResult | Promise<TaskResult>

/**
 * Does the tasks of one kind. What it wants done in the world it proposes; it does nothing
 * itself.
 */
export type Executor = Readonly<{
  kind: TaskKind
  /** After this the attempt has failed, whether the executor listens to its signal or not. */
  timeoutMs: number
  /** How many tasks of this kind one Worker runs at once. */
  concurrency: number
  execute: (context: ExecutorContext) => Work
}>

/** By kind. */
export type Executors = ReadonlyMap<string, Executor>

/** No executor may hold a task for longer: a person is waiting. */
export const MAX_EXECUTOR_TIMEOUT_MS = 300_000

/** What most work needs: a few queries. */
const DEFAULT_TIMEOUT_MS = 30_000
/** No slot has to be waited for by what never waits itself. */
const DEFAULT_CONCURRENCY = 500

/**
 * Describes an executor; `execute` gets the payload of its own kind. Throws InvariantError for a
 * time-out above the maximum.
 */
export function defineExecutor<K extends TaskKind>(of: {
  kind: K
  timeoutMs?: number
  concurrency?: number
  execute: (context: ExecutorContext<PayloadOf<K>>) => Work
}): Executor {
  const { kind, timeoutMs = DEFAULT_TIMEOUT_MS, concurrency = DEFAULT_CONCURRENCY, execute } = of
  if (timeoutMs > MAX_EXECUTOR_TIMEOUT_MS) {
    throw new InvariantError(`The executor of ${kind} may run for longer than anyone may.`)
  }
  return {
    kind,
    timeoutMs,
    concurrency,
    execute(context) {
      const { payload } = context
      if (!isKind(payload, kind)) {
        throw new TerminalError(
          'INPUT_INVALID',
          `A task of ${kind} holds a ${payload.kind} payload.`,
        )
      }
      return execute({ ...context, payload })
    },
  }
}

/** The registry by kind. Throws InvariantError when two executors claim one kind. */
export function registerExecutors(list: readonly Executor[]): Executors {
  const byKind = new Map(list.map((executor) => [executor.kind, executor]))
  if (byKind.size < list.length) throw new InvariantError('Two executors are for one kind of task.')
  return byKind
}

/** The payload of one kind. */
export type PayloadOf<K extends TaskKind> = Extract<TaskPayload, { kind: K }>

const isKind = <K extends TaskKind>(payload: TaskPayload, kind: K): payload is PayloadOf<K> =>
  payload.kind === kind
