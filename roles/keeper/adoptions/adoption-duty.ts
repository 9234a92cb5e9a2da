import type { ToolStatus } from '@chimera/contracts/tool-control'
import { endAdoption } from '@chimera/infra/database/adoptions/end-adoption'
import { findAdoptionWords } from '@chimera/infra/database/adoptions/find-adoption-words'
import {
  findOpenAdoptions,
  type OpenAdoption,
} from '@chimera/infra/database/adoptions/find-open-adoptions'

import { PAGE, ringJudge } from '../duties/keeper-deps.ts'
import { isRefusal } from '../duties/refusal.ts'
import { openRingMemory } from '../duties/ring-memory.ts'
import type { Duty } from '../duties/run-duties.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'

/**
 * Carries the record's knowledge to ledgers that were lost or are older: rings the Judge while it
 * is not signed for the boot that waits, and brings it to the tool server. The server opens at a
 * later hello, when it knows what became of everything that it was told.
 */
export function adoptionDuty(deps: ToolDeps): Duty {
  const rung = openRingMemory({ now: () => performance.now() })
  return {
    name: 'adoptions',
    deadlineMs: 30_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async () => {
        if (!overview.adoptions) return
        const open = await findOpenAdoptions(deps.database, { limit: PAGE })
        const due = open.filter((adoption) => rung.mayRing(keyOf(adoption)))
        const unsigned = due.filter(({ isSigned }) => !isSigned)
        await deps.publisher.publish(
          unsigned.map(({ id }) => ringJudge({ look_at: 'adoption', id })),
        )
        for (const adoption of unsigned) rung.noteRing(keyOf(adoption))
        for (const adoption of due.filter(({ isSigned }) => isSigned)) {
          deps.lanes.start(`adopt ${adoption.account}`, async (lane) => {
            rung.noteRing(keyOf(adoption))
            await carry(deps, adoption, lane)
          })
        }
      }
    },
  }
}

/** Signed, it may be carried at once, however often its signature was asked for. */
const keyOf = ({ id, boot, isSigned }: OpenAdoption): string =>
  `${isSigned ? 'carry' : 'sign'} ${id} ${boot}`

async function carry(
  deps: ToolDeps,
  { id, account, boot, url }: OpenAdoption,
  signal: AbortSignal,
): Promise<void> {
  try {
    let answer: ToolStatus | undefined
    // One after the other: the ledger is adopted with the last.
    for (const jws of await findAdoptionWords(deps.database, { id, boot })) {
      answer = await deps.openControl({ url, signal }).adopt(jws)
    }
    if (answer === undefined) return
    const { state, reason } = answer
    await endAdoption(deps.database, { id, refused: null })
    deps.log.info({ account, state, reason }, 'a ledger has taken what the record knows')
  } catch (error) {
    if (!isRefusal(error)) throw error
    await endAdoption(deps.database, { id, refused: `${error.code}: ${error.message}` })
    deps.log.warn({ account, err: error }, 'a ledger refused what the record knows')
  }
}
