import { newId } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import type { Database } from '@chimera/infra/database/open-database'
import type { Redis } from 'ioredis'

/** A tenant of the bench. */
export async function addTenant(database: Database, name: string): Promise<string> {
  const id = newId()
  await database.query({
    text: 'INSERT INTO tenants (id, name) VALUES ($1, $2)',
    values: [id, `${name} ${id}`],
  })
  return id
}

/** Goals of so many no-op tasks each, committed and rung for as the gateway does it. */
export async function postAsTenant(of: {
  database: Database
  redis: Redis
  tenantId: string
  goals: number
  tasksEach: number
}): Promise<string[]> {
  const { database, redis, tenantId, goals, tasksEach } = of
  const ids = Array.from({ length: goals }, () => newId())
  await database.transaction(async (tx) => {
    const audit = draftAudit()
    const goal = { text: `noop ${tasksEach}`, mode: 'paper' as const }
    const news = ids.map((id) => ({
      tenantId,
      id,
      goal,
      source: 'http' as const,
      trust: 'owner' as const,
    }))
    await insertGoals(tx, news, audit)
    await appendAudit(tx, audit, 'bench')
  })
  const rings = redis.pipeline()
  for (const id of ids) {
    const ring = JSON.stringify({ id, ring: true })
    rings.xadd('chimera:goals', '*', 'tenant', tenantId, 'goal', ring)
  }
  await rings.exec()
  return ids
}
