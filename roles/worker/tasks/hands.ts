import { CancelledError } from '@chimera/contracts/errors'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import type { HeldTask } from '@chimera/infra/database/tasks/renew-leases'

/** A claimed task of this Worker. */
export type InHand = Readonly<{
  task: ClaimedTask
  traceparent: string | undefined
  /** Aborted with the error that the attempt ends with. */
  running: AbortController
  /** Resolves when the task is committed, released or somebody else's. */
  settled: Promise<void>
}>

/** What a Worker has in hand: running, or waiting for its commit. */
export type Hands = Readonly<{
  add: (task: ClaimedTask, traceparent: string | undefined) => InHand
  settle: (task: HeldTask) => void
  /** Calls off what of the tasks is still in hand under that version. */
  abort: (tasks: readonly HeldTask[], reason: string) => void
  tasks: () => ClaimedTask[]
  count: () => number
  countOf: (tenantId: string) => number
  /** Resolves when fewer than `most` are in hand. Throws the reason of the signal. */
  room: (most: number, signal?: AbortSignal) => Promise<void>
  /** How many of those in hand waited for their turn before. */
  fromQueues: () => number
  /** Resolves when fewer than `most` of those are. Throws the reason of the signal. */
  roomForQueues: (most: number, signal: AbortSignal) => Promise<void>
  /** Resolves when all that is in hand now is settled. */
  empty: () => Promise<void>
}>

export function openHands(): Hands {
  const held = new Map<string, InHand & { resolve: () => void }>()
  const waiting: (() => void)[] = []
  const find = ({ id, versionId }: HeldTask) => {
    const known = held.get(id)
    return known?.task.versionId === versionId ? known : undefined
  }
  const fromQueues = (): number => [...held.values()].filter(({ task }) => task.didWait).length
  const until = async (isEnough: () => boolean, signal: AbortSignal | undefined): Promise<void> => {
    while (!isEnough()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
      await promise
      signal?.throwIfAborted()
    }
  }
  return {
    add(task, traceparent) {
      const { promise: settled, resolve } = Promise.withResolvers<void>()
      const added = { task, traceparent, running: new AbortController(), settled, resolve }
      held.set(task.id, added)
      return added
    },
    settle(task) {
      const known = find(task)
      if (known === undefined) return
      held.delete(task.id)
      known.resolve()
      for (const resolve of waiting.splice(0)) resolve()
    },
    abort(tasks, reason) {
      for (const task of tasks) {
        const error = new CancelledError('CANCELLED', `The task was called off: ${reason}.`)
        find(task)?.running.abort(error)
      }
    },
    tasks: () => [...held.values()].map(({ task }) => task),
    count: () => held.size,
    countOf: (tenantId) =>
      [...held.values()].filter(({ task }) => task.tenantId === tenantId).length,
    room: (most, signal) => until(() => held.size < most, signal),
    fromQueues,
    roomForQueues: (most, signal) => until(() => fromQueues() < most, signal),
    async empty() {
      await Promise.all([...held.values()].map(({ settled }) => settled))
    },
  }
}
