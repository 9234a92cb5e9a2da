import { endSettlement } from '@chimera/infra/database/settlements/end-settlement'
import {
  findOpenSettlements,
  type OpenSettlement,
} from '@chimera/infra/database/settlements/find-open-settlements'
import { sqlOf, tenantsIn } from '@chimera/infra/database/tenant-database'

import { PAGE, ringJudge } from '../duties/keeper-deps.ts'
import { isRefusal } from '../duties/refusal.ts'
import { openRingMemory } from '../duties/ring-memory.ts'
import type { Duty } from '../duties/run-duties.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'
import { fileReceipts } from '../effects/file-receipts.ts'

/**
 * Carries what people say of effects that no provider could tell of: rings the Judge while it is
 * not signed for the present boot, brings it to the tool server, files the receipt. Works while
 * stopped.
 */
export function settlementDuty(deps: ToolDeps): Duty {
  const rung = openRingMemory({ now: () => performance.now() })
  return {
    name: 'settlements',
    deadlineMs: 30_000,
    next: async (signal) => {
      const overview = await deps.sweep.next(signal)
      return async () => {
        if (!overview.settlements) return
        const open = await findOpenSettlements(deps.database, { limit: PAGE })
        const due = open.filter((settlement) => rung.mayRing(keyOf(settlement)))
        const unsigned = due.filter(({ jws }) => jws === null)
        await deps.publisher.publish(
          unsigned.map(({ id, tenantId }) => ringJudge({ look_at: 'settlement', id }, tenantId)),
        )
        for (const settlement of unsigned) rung.noteRing(keyOf(settlement))
        const signed = due.filter(({ jws }) => jws !== null)
        for (const [account, settlements] of Map.groupBy(signed, (one) => one.account)) {
          deps.lanes.start(`settle ${account}`, async (lane) => {
            for (const settlement of settlements) {
              rung.noteRing(keyOf(settlement))
              await carry(deps, settlement, lane)
            }
          })
        }
      }
    },
  }
}

/** Signed, it may be carried at once, however often its signature was asked for. */
const keyOf = ({ id, boot, jws }: OpenSettlement): string =>
  `${jws === null ? 'sign' : 'carry'} ${id} ${boot}`

async function carry(
  deps: ToolDeps,
  settlement: OpenSettlement,
  signal: AbortSignal,
): Promise<void> {
  const { id, url, jws, grantId, account } = settlement
  if (jws === null) return
  const own = sqlOf(deps.database, tenantsIn([settlement]))
  const control = deps.openControl({ url, signal })
  const file = (receipts: readonly string[]) =>
    fileReceipts(deps, { receipts, askedFor: new Set([grantId]), noNews: ['UNKNOWN'] })
  try {
    const { receipts } = await control.settle(jws)
    await file(receipts)
    await endSettlement(own, { id, refused: null })
    deps.log.info({ settlement: id, grant_id: grantId, account }, 'a person settled an effect')
  } catch (error) {
    if (!isRefusal(error)) throw error
    await endSettlement(own, { id, refused: `${error.code}: ${error.message}` })
    deps.log.warn({ settlement: id, grant_id: grantId, err: error }, 'a settlement was refused')
    // It may have moved by itself, and the record has not heard of it.
    const { receipts } = await control.reconcile({ grant_ids: [grantId] })
    await file(receipts)
  }
}
