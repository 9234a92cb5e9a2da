import { CancelledError } from '@chimera/contracts/errors'
import { commitReceipts } from '@chimera/infra/database/tasks/commit-receipts'
import { loadGrants, type LoadedGrant } from '@chimera/infra/database/tasks/load-grants'
import { findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'
import type { Metrics } from '@chimera/runtime/metrics'

import type { Bells } from '../bells.ts'
import { openGates } from '../gate.ts'
import { carryGrant } from './carry-grant.ts'
import type { ToolConnections } from './tool-connections.ts'

/** Carries grants. Disposing waits a little for what is out, then leaves it to the next life. */
export type GrantDesk = AsyncDisposable &
  Readonly<{
    /**
     * Carries what of the grants the record still calls GRANTED. Returns when each has its
     * receipt in the record or was left to the Keeper; what takes longer than a second goes on by
     * itself, so that a hung account keeps nobody waiting. Throws when the record does not answer
     * and when the worker stops before the end: then the entries stay pending, and its next life
     * carries them again.
     */
    carry: (grantIds: readonly string[], signal: AbortSignal) => Promise<void>
  }>

/** A server does one thing at a time; the others wait there, and are answered in order. */
const MAX_PER_ACCOUNT = 4
/** More than this many may not be out: then even the slow ones are waited for. */
const MAX_OUT = 64
/** Usually a call takes a tenth of it. Past it the Keeper is who carries again after a death. */
const PATIENCE_MS = 1_000
/** Calls that are out at a stop may come back; the process has 8 s in all. */
const DRAIN_GRACE_MS = 2_000

type Options = Readonly<{
  database: TenantDatabase
  connections: ToolConnections
  bells: Bells
  worker: string
  log: Logger
  metrics: Metrics
  crash: Crash
  random: () => number
}>

export function openGrantDesk(of: Options): GrantDesk {
  const gates = openGates(() => MAX_PER_ACCOUNT)
  const out = new Map<string, Promise<void>>()
  const stopping = new AbortController()
  const send = (grant: LoadedGrant): Promise<void> => {
    const sent = gates
      .run({ sort: grant.account, party: grant.tenantId }, () =>
        carryOne(of, grant, stopping.signal),
      )
      .finally(() => out.delete(grant.grantId))
    out.set(grant.grantId, sent)
    return sent
  }
  return {
    async carry(grantIds, signal) {
      while (out.size >= MAX_OUT) {
        signal.throwIfAborted()
        await Promise.race([...out.values()].map((sent) => sent.catch(() => undefined)))
      }
      const grants = await load(
        of.database,
        grantIds.filter((id) => !out.has(id)),
      )
      const all = Promise.all(grants.map((grant) => send(grant)))
      if (await endsWithin(PATIENCE_MS, all)) return
      if (signal.aborted) throw new CancelledError('CANCELLED', 'The worker stops.')
      all.catch((err: unknown) => of.log.warn({ err }, 'a slow grant was left to the Keeper'))
    },
    async [Symbol.asyncDispose]() {
      const all = Promise.allSettled(out.values())
      if (await endsWithin(DRAIN_GRACE_MS, all)) return
      stopping.abort(new CancelledError('CANCELLED', 'The worker stops.'))
      await Promise.allSettled(out.values())
    },
  }
}

/** The entries name grants alone: whose they are is asked first. */
async function load(database: TenantDatabase, grantIds: readonly string[]): Promise<LoadedGrant[]> {
  if (grantIds.length === 0) return []
  const tenantIds = await findBatchTenants(database, { of: 'grants', ids: grantIds })
  return database.as({ tenantIds }, () => loadGrants(database, { grantIds }))
}

async function carryOne(of: Options, grant: LoadedGrant, signal: AbortSignal): Promise<void> {
  const { database, bells, worker, log, crash, metrics } = of
  signal.throwIfAborted()
  const client = of.connections.to(grant.url)
  const jws = await carryGrant({ ...of, grant, client, signal })
  metrics.toolCalls.inc({ tool: grant.tool, outcome: jws === undefined ? 'silent' : 'receipt' })
  if (jws === undefined) return
  const receipts = [{ grantId: grant.grantId, jws }]
  const ids = await database.as({ tenantIds: [grant.tenantId] }, () =>
    commitReceipts(database, { receipts, carriedBy: worker }),
  )
  crash('worker.receipt.committed')
  try {
    const { tenantId } = grant
    await bells.ringJudge(ids.map((id) => ({ ring: { look_at: 'receipt', id }, tenantId })))
    crash('worker.receipt.published')
  } catch (err) {
    log.warn({ err, grant: grant.grantId }, 'the receipt is in, but nobody was rung')
  }
}

/** False when the time is over first. Rejects as the work does. */
async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), ms)
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
