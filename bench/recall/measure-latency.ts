import type { MemoryStore } from '@chimera/infra/memory/memory-store'

import { quantile } from '../report/figures.ts'
import { madeTexts } from './made-memories.ts'
import { TENANT } from './open-stores.ts'

/** Memories of one transaction. */
const BATCH = 500
const MIB = 1024 * 1024

/** Milliseconds of recalls, and MiB that this process took up for them. */
export type LatencyFound = Readonly<{
  agents: number
  memories: number
  /** The first of each agent: a process that has just started reads what there is. */
  first_ms: { p50: number; max: number }
  recall_ms: { p50: number; p95: number; max: number }
  rss_mib: { before: number; after: number }
}>

/** So many memories for each agent; then questions, of all agents in turn, one after the other. */
export async function measureLatency(of: {
  store: MemoryStore
  agents: number
  memories: number
  questions: number
  texts: readonly string[]
  /** Tells the agents of this run from those before. */
  run: string
  log: (line: string) => void
}): Promise<LatencyFound> {
  const { store, memories, questions, log } = of
  const made = madeTexts({ texts: of.texts, seed: 8 })
  const agents = Array.from({ length: of.agents }, (_, n) => `bench-${of.run}-${n}`)
  for (const agentId of agents) {
    for (let from = 0; from < memories; from += BATCH) {
      const length = Math.min(BATCH, memories - from)
      await store.remember(
        TENANT,
        Array.from({ length }, () => made.memory({ agentId })),
      )
    }
    log(`${store.backend}: ${memories} memories of ${agentId}`)
  }
  const ask = async (agentId: string): Promise<number> => {
    const question = made.question()
    const since = performance.now()
    await store.recall({ tenantId: TENANT, agentId, question, limit: 5 })
    return performance.now() - since
  }
  const before = rssMib()
  const first: number[] = []
  for (const agentId of agents) first.push(await ask(agentId))
  const took: number[] = []
  for (let n = 0; n < questions; n += 1) took.push(await ask(agents[n % agents.length] ?? ''))
  const p = (share: number): number => quantile(took, share)
  return {
    agents: agents.length,
    memories,
    first_ms: { p50: quantile(first, 0.5), max: quantile(first, 1) },
    recall_ms: { p50: p(0.5), p95: p(0.95), max: p(1) },
    rss_mib: { before, after: rssMib() },
  }
}

const rssMib = (): number => process.memoryUsage.rss() / MIB
