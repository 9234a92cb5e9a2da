import type { Database } from '@chimera/infra/database/open-database'
import { commitReceipts } from '@chimera/infra/database/tasks/commit-receipts'
import { loadGrants, type LoadedGrant } from '@chimera/infra/database/tasks/load-grants'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'
import type { Metrics } from '@chimera/runtime/metrics'

import type { Bells } from '../bells.ts'
import { openGates } from '../gate.ts'
import { carryGrant } from './carry-grant.ts'
import type { ToolConnections } from './tool-connections.ts'

/** Carries grants. */
export type GrantDesk = Readonly<{
  /**
   * Carries what of the grants the record still calls GRANTED and returns when each has its
   * receipt in the record, or was left to the Keeper. Throws when the record does not answer, and
   * when the signal is aborted: then the entries stay pending, and this worker's next life
   * carries them again.
   */
  carry: (grantIds: readonly string[], signal: AbortSignal) => Promise<void>
}>

/** A server does one thing at a time; the others wait there, and are answered in order. */
const MAX_PER_ACCOUNT = 4
/** Calls that are out at a stop may come back; the process has 8 s in all. */
const DRAIN_GRACE_MS = 3_000

export function openGrantDesk(of: {
  database: Database
  connections: ToolConnections
  bells: Bells
  worker: string
  log: Logger
  metrics: Metrics
  crash: Crash
  random: () => number
}): GrantDesk {
  const { database, bells, worker, log, crash } = of
  const gates = openGates(() => MAX_PER_ACCOUNT)
  const carryOne = async (grant: LoadedGrant, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted()
    const client = of.connections.to(grant.url)
    const jws = await carryGrant({ ...of, grant, client, signal })
    of.metrics.toolCalls.inc({
      tool: grant.tool,
      outcome: jws === undefined ? 'silent' : 'receipt',
    })
    if (jws === undefined) return
    const receipts = [{ grantId: grant.grantId, jws }]
    const ids = await commitReceipts(database, { receipts, carriedBy: worker })
    crash('worker.receipt.committed')
    try {
      const { tenantId } = grant
      await bells.ringJudge(ids.map((id) => ({ ring: { look_at: 'receipt', id }, tenantId })))
      crash('worker.receipt.published')
    } catch (err) {
      log.warn({ err, grant: grant.grantId }, 'the receipt is in, but nobody was rung')
    }
  }
  return {
    async carry(grantIds, signal) {
      const grants = await loadGrants(database, { grantIds })
      using grace = graceAfter(signal)
      const carried = await Promise.allSettled(
        grants.map((grant) => gates.run(grant.account, () => carryOne(grant, grace.signal))),
      )
      const failed = carried.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
  }
}

/** Aborted a little later than `signal`. */
function graceAfter(signal: AbortSignal): Disposable & { signal: AbortSignal } {
  const later = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    timer = setTimeout(() => later.abort(signal.reason), DRAIN_GRACE_MS)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    signal: later.signal,
    [Symbol.dispose]() {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    },
  }
}
