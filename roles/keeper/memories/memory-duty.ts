import { ChimeraError } from '@chimera/contracts/errors'
import {
  endPosted,
  findPosted,
  type Posted,
  putOffPosted,
} from '@chimera/infra/database/memories/memory-outbox'
import type { Overview } from '@chimera/infra/database/sweeps/read-overview'
import type { FoundKey } from '@chimera/infra/database/sweeps/read-swept'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'

import type { KeeperDeps } from '../duties/keeper-deps.ts'
import type { Duty } from '../duties/run-duties.ts'

type MemoryDeps = Pick<KeeperDeps, 'database' | 'log'> & {
  readonly sweep: { next(signal: AbortSignal): Promise<Pick<Overview, 'memoriesDue'>> }
  readonly memory: Pick<MemoryStore, 'remember'>
}

/** Memories of one page: an embedder may take a second for so many. */
const PAGE = 100

/**
 * Brings what the Judge decided to remember from the record into the memory. The row goes only when
 * the memory has it: whoever dies in between brings it again, and twice is once. With the memory
 * away it stays, tried ever more rarely, and `status` says that the memory is degraded.
 */
export function memoryDuty(deps: MemoryDeps): Duty {
  return {
    name: 'memories',
    deadlineMs: 60_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async (round) => {
        if (!overview.memoriesDue) return
        let after: FoundKey | null = null
        do {
          const page = await findPosted(deps.database, { limit: PAGE, after })
          after = page.after
          for (const [tenantId, posted] of Map.groupBy(page.posted, (one) => one.tenantId)) {
            // What refuses one tenant's refuses the others', too; the next round tries again.
            if (round.aborted || !(await bring(deps, tenantId, posted))) return
          }
        } while (after !== null && !round.aborted)
      }
    },
  }
}

async function bring(
  deps: MemoryDeps,
  tenantId: string,
  posted: readonly Posted[],
): Promise<boolean> {
  const { database, memory, log } = deps
  const memories = posted.map((one) => one.memory)
  const of = { tenantId, ids: memories.map(({ id }) => id) }
  try {
    await memory.remember(tenantId, memories)
  } catch (error) {
    if (!(error instanceof ChimeraError) || error.kind === 'invariant') throw error
    log.warn({ err: error, memories: memories.length }, 'the memory takes nothing; later again')
    await putOffPosted(database, { ...of, fault: `${error.code}: ${error.message}` })
    return false
  }
  await endPosted(database, of)
  return true
}
