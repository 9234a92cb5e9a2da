import type { Goal } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import type { Database } from '@chimera/infra/database/open-database'
import { createTenant } from '@chimera/infra/database/tenancy/tenants'

import type { BenchStack } from '../stack/bench-stack.ts'
import { type Line, productLine } from '../swarm/measure-burst.ts'

/** Of one transaction and one pipeline. */
const BATCH = 500
/** Longer than the goals of a burst take to commit. */
const LEASE = { owner: 'bench', leaseMs: 600_000 }

/**
 * The product's line with the goals of so many tenants in turn, one after the other: every batch of
 * every role is of as many of them as fit. They are committed beforehand, and rung for when the
 * clock runs: the gateway commits them one by one, whosever they are, and the stream itself takes
 * goals of one tenant only. Until then the bench has them leased, so that the Keeper does not ring.
 */
export async function openTenantsLine(of: {
  stack: BenchStack
  /** As its owner: the bench is no tenant. */
  database: Database
  tenants: number
}): Promise<Line> {
  const { stack, database } = of
  const tenants = Array.from({ length: of.tenants }, () => newId())
  await database.transaction(async (tx) => {
    const audit = draftAudit()
    for (const id of tenants) await createTenant(tx, { id, name: `bench ${id}` }, audit)
    await appendAudit(tx, audit, 'bench')
  })
  const goal: Goal = { text: 'noop 1', mode: 'paper' }
  const keysOf = (name: string, from: number, until: number) =>
    Array.from({ length: until - from }, (_, n) => ({
      id: `${name}-${from + n}`,
      tenantId: tenants[(from + n) % tenants.length] ?? '',
    }))
  const commit = async (name: string, from: number, until: number): Promise<void> => {
    const goals = keysOf(name, from, until).map((key) => ({
      ...key,
      source: 'http' as const,
      trust: 'owner' as const,
      goal,
    }))
    const audit = draftAudit()
    await database.transaction(async (tx) => {
      await insertGoals(tx, goals, audit, LEASE)
      await appendAudit(tx, audit, 'bench')
    })
  }
  const ring = async (name: string, from: number, until: number): Promise<void> => {
    const pipeline = stack.redis().pipeline()
    for (const { id, tenantId } of keysOf(name, from, until))
      pipeline.xadd(
        'chimera:goals',
        '*',
        'tenant',
        tenantId,
        'goal',
        JSON.stringify({ id, ring: true }),
      )
    await pipeline.exec()
  }
  return {
    ...(await productLine(stack)),
    tenants,
    prepare: async (name, goals) => {
      for (let from = 0; from < goals; from += BATCH)
        await commit(name, from, Math.min(goals, from + BATCH))
      const text = `UPDATE goals SET version_id = new_version(), lease_owner = NULL,
          lease_until = NULL
        WHERE lease_owner = $1`
      await database.query({ text, values: [LEASE.owner] })
    },
    post: async (name, goals) => {
      for (let from = 0; from < goals; from += BATCH)
        await ring(name, from, Math.min(goals, from + BATCH))
    },
  }
}
