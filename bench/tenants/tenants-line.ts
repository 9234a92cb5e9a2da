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

/**
 * The product's line with the goals of so many tenants in turn, one after the other: every batch of
 * every role is of as many of them as fit. They are committed and rung for as the gateway does it;
 * the stream itself takes goals of one tenant only.
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
  const post = async (name: string, from: number, until: number): Promise<void> => {
    const goals = Array.from({ length: until - from }, (_, n) => ({
      id: `${name}-${from + n}`,
      tenantId: tenants[(from + n) % tenants.length] ?? '',
      source: 'http' as const,
      trust: 'owner' as const,
      goal,
    }))
    const audit = draftAudit()
    await database.transaction(async (tx) => {
      await insertGoals(tx, goals, audit)
      await appendAudit(tx, audit, 'bench')
    })
    const pipeline = stack.redis().pipeline()
    for (const { id, tenantId } of goals)
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
    post: async (name, goals) => {
      for (let from = 0; from < goals; from += BATCH)
        await post(name, from, Math.min(goals, from + BATCH))
    },
  }
}
