import type { DatabaseSync } from 'node:sqlite'

import type { FenceEpochs } from '@chimera/contracts/grant'
import { z } from 'zod'

/**
 * One scope's fence: a grant passes with at least this epoch, and with a higher one while stopped.
 */
export type Fence = Readonly<{ epoch: number; isStopped: boolean }>

const Row = z
  .object({ scope: z.string(), epoch: z.int(), stopped: z.literal([0, 1]) })
  .transform((row): [string, Fence] => [
    row.scope,
    { epoch: row.epoch, isStopped: row.stopped === 1 },
  ])

/** Names of what may be stopped (design.md section 5, Stop). */
export const EVERYTHING = 'everything'

/**
 * The fences of a ledger: durable, and readable without I/O, because they are looked at again in
 * the very step that writes to the socket.
 */
export type Fences = ReturnType<typeof openFences>

export function openFences(database: DatabaseSync, seq: () => number) {
  const read = database.prepare('SELECT scope, epoch, stopped FROM fences')
  const readOne = database.prepare('SELECT scope, epoch, stopped FROM fences WHERE scope = ?')
  const write = database.prepare(`
    INSERT INTO fences (scope, epoch, stopped, seq) VALUES (?, ?, ?, ?)
    ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch, stopped = excluded.stopped,
      seq = excluded.seq`)
  const fences = new Map(read.all().map((row) => Row.parse(row)))

  const put = (scope: string, fence: Fence): void => {
    // Before the write on purpose: should that fail, the fence is up and merely not durable.
    fences.set(scope, fence)
    write.run(scope, fence.epoch, fence.isStopped ? 1 : 0, seq())
  }
  return {
    get: (scope: string): Fence | undefined => fences.get(scope),
    epochs: (): FenceEpochs =>
      Object.fromEntries([...fences].map(([scope, { epoch }]) => [scope, epoch])),
    /**
     * Raises a fence, within a transaction; a lower epoch changes nothing. Answers what holds now.
     */
    raise(scope: string, to: Fence): Fence {
      const has = fences.get(scope)
      if (has !== undefined && to.epoch < has.epoch) return has
      // At an equal epoch a stop stays: only a higher one resumes.
      const isStopped = to.epoch === has?.epoch ? has.isStopped || to.isStopped : to.isStopped
      // Compared with the file: what a failed commit left in memory has still to be written.
      const row = readOne.get(scope)
      const [, stored] = row === undefined ? [] : Row.parse(row)
      if (stored?.epoch !== to.epoch || stored.isStopped !== isStopped) {
        put(scope, { epoch: to.epoch, isStopped })
      }
      return { epoch: to.epoch, isStopped }
    },
    /**
     * The scope that fences a grant off, if one does. A grant of a higher epoch than a stop's was
     * signed after the record had resumed.
     */
    findFenced(scopes: Iterable<string>, granted: FenceEpochs): string | undefined {
      for (const scope of scopes) {
        const fence = fences.get(scope)
        if (fence === undefined) continue
        const epoch = granted[scope] ?? 0
        if (epoch < fence.epoch || (fence.isStopped && epoch === fence.epoch)) return scope
      }
      return undefined
    },
  }
}
