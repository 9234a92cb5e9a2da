import {
  findEndingGrants,
  findUnknownEffects,
  type EndingGrant,
  type UnknownEffects,
} from '@chimera/infra/database/sweeps/find-questions'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import { PAGE, ringJudge, type KeeperDeps } from '../duties/keeper-deps.ts'
import type { Lanes } from '../duties/lanes.ts'
import { openRingMemory, type RingMemory } from '../duties/ring-memory.ts'
import type { Duty } from '../duties/run-duties.ts'
import { endGrants } from './end-grants.ts'
import { fileReceipts } from './file-receipts.ts'

/** What serves tool servers: a client of one, and a lane for each. */
export type ToolDeps = KeeperDeps & {
  readonly lanes: Lanes
  readonly openControl: (of: { url: string; signal: AbortSignal }) => ToolControl
}

/** When a server does not say when asking again can bring something new. */
const ASK_AGAIN_MS = 5_000
const SOONEST_MS = 200
const LATEST_MS = 60_000

/**
 * Settles what hangs between record and ledger: asks for the end of grants that ran out, carries
 * the Judge's signed questions to the ledgers, and has UNKNOWN effects looked up at their
 * providers. None of it asks about stops: void, look-up and reconcile work while stopped.
 */
export function effectDuty(deps: ToolDeps): Duty {
  const now = () => performance.now()
  const rung = openRingMemory({ now })
  /** Account -> when its provider may be asked again. */
  const askAt = new Map<string, number>()
  return {
    name: 'effects',
    deadlineMs: 30_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async (round) => {
        if (overview.deadGrants) await endGrants(deps, round)
        if (overview.cancelling) {
          const grants = await findEndingGrants(deps.database, { limit: PAGE })
          await ringUnsigned(deps, grants, rung)
          carryVoids(deps, grants, rung)
        }
        if (!overview.unknownEffects) return
        const unknown = await findUnknownEffects(deps.database, { limit: PAGE })
        for (const effects of unknown) {
          if ((askAt.get(effects.account) ?? 0) > now()) continue
          deps.lanes.start(`reconcile ${effects.account}`, async (lane) => {
            askAt.set(effects.account, now() + ASK_AGAIN_MS)
            askAt.set(effects.account, now() + (await reconcile(deps, effects, lane)))
          })
        }
      }
    },
  }
}

/** Questions that the Judge has not signed yet, or not for the boot that can answer them now. */
async function ringUnsigned(
  deps: ToolDeps,
  grants: readonly EndingGrant[],
  rung: RingMemory,
): Promise<void> {
  const keyOf = ({ effectId, boot }: EndingGrant) => `sign ${effectId} ${boot}`
  const unsigned = grants.filter((grant) => grant.voidJws === null && rung.mayRing(keyOf(grant)))
  if (unsigned.length === 0) return
  deps.crash('keeper.sweep.before_publish')
  await deps.publisher.publish(
    unsigned.map(({ effectId: id, tenantId }) => ringJudge({ look_at: 'effect', id }, tenantId)),
  )
  for (const grant of unsigned) rung.noteRing(keyOf(grant))
}

/**
 * Carries signed questions, one lane per account; asked again ever more rarely until it is settled.
 */
function carryVoids(deps: ToolDeps, grants: readonly EndingGrant[], rung: RingMemory): void {
  const byAccount = Map.groupBy(
    grants.filter(
      ({ grantId, boot, voidJws }) => voidJws !== null && rung.mayRing(`${grantId} ${boot}`),
    ),
    ({ account }) => account,
  )
  for (const [account, questions] of byAccount) {
    deps.lanes.start(`void ${account}`, async (signal) => {
      for (const { grantId, effectKey, boot, url, voidJws } of questions) {
        if (signal.aborted || voidJws === null) return
        rung.noteRing(`${grantId} ${boot}`)
        const { receipts } = await deps.openControl({ url, signal }).askVoid(voidJws)
        // The slot may be held by a grant that the record does not know; the Judge adopts it.
        const askedFor = new Set([grantId, effectKey])
        await fileReceipts(deps, { receipts, askedFor, noNews: [] })
      }
    })
  }
}

/** Has the provider asked; returns when to ask again. A receipt that says UNKNOWN is no news. */
async function reconcile(
  deps: ToolDeps,
  { url, grantIds }: UnknownEffects,
  signal: AbortSignal,
): Promise<number> {
  const reply = await deps.openControl({ url, signal }).reconcile({ grant_ids: grantIds })
  await fileReceipts(deps, {
    receipts: reply.receipts,
    askedFor: new Set(grantIds),
    noNews: ['UNKNOWN'],
  })
  return Math.min(LATEST_MS, Math.max(SOONEST_MS, reply.next_in_ms ?? ASK_AGAIN_MS))
}
