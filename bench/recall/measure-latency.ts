import { loadavg } from 'node:os'

import type { MemoryStore } from '@chimera/infra/memory/memory-store'

import { processTree, proportionalBytes } from '../processes/process-table.ts'
import { quantile } from '../report/figures.ts'
import { madeTexts } from './made-memories.ts'
import { TENANT } from './open-stores.ts'

/** Memories of one transaction. */
const BATCH = 500
const MIB = 1024 * 1024
/** Each agent of the crowd is asked so often, in turn. */
const CROWD_TURNS = 3

type Timed = Readonly<{ p50: number; p95: number; max: number }>
/** CPU of one recall, in milliseconds: of this process, and of the server. */
type Cost = Readonly<{ own_ms: number; server_ms: number | null }>
type Mebibytes = Readonly<{ own: number; server: number | null }>

/** One round of questions. */
export type RoundFound = Readonly<{
  askers: number
  recall_ms: Timed
  cpu: Cost
  /** Of the last minute, when the round had ended. */
  load: number
}>

/** Milliseconds of recalls, and what this process and the server took up for them. */
export type LatencyFound = Readonly<{
  agents: number
  memories: number
  questions: number
  /** Milliseconds to remember one, with everything that takes. */
  remember_ms: number
  /** The first of each agent: a process that has just started reads what there is. */
  first_ms: { p50: number; max: number }
  /** One at a time. */
  alone: readonly RoundFound[]
  /** Several at a time. */
  together: readonly RoundFound[]
  /** So many agents in turn that each has left the process before it is asked again. */
  crowd: RoundFound & { agents: number }
  memory_mib: { before: Mebibytes; warm: Mebibytes; crowd: Mebibytes }
}>

type Wish = Readonly<{
  store: MemoryStore
  /** The server's process, where it is one of ours. */
  pid: number | undefined
  agents: number
  /** Agents that do not fit into the process together. */
  crowd: number
  memories: number
  questions: number
  askers: number
  rounds: number
  texts: readonly string[]
  /** Tells the agents of this run from those before. */
  run: string
  log: (line: string) => void
}>

/** So many memories for each agent; then questions, of all agents in turn. */
export async function measureLatency(of: Wish): Promise<LatencyFound> {
  const { store, pid, memories, questions, askers } = of
  const agents = Array.from({ length: of.crowd }, (_, n) => `bench-${of.run}-${n}`)
  const usual = agents.slice(0, of.agents)
  const made = madeTexts({ texts: of.texts, seed: 8 })
  const remember_ms = await rememberAll({ ...of, agents, made })
  const question = (agentId: string) => ({
    tenantId: TENANT,
    agentId,
    question: made.question(),
    limit: 5,
  })
  const round = (asked: readonly string[], some: { askers: number; count: number }) =>
    measureRound({
      ...some,
      pid,
      ask: (n) => store.recall(question(asked[n % asked.length] ?? '')),
    })
  const before = await mebibytes(pid)
  const first: number[] = []
  for (const agentId of usual) {
    const since = performance.now()
    await store.recall(question(agentId))
    first.push(performance.now() - since)
  }
  const [alone, together]: [RoundFound[], RoundFound[]] = [[], []]
  for (let n = 0; n < of.rounds; n += 1) {
    alone.push(await round(usual, { askers: 1, count: questions }))
    together.push(await round(usual, { askers, count: questions }))
    of.log(`${store.backend}: round ${n + 1} of ${of.rounds}`)
  }
  const warm = await mebibytes(pid)
  const crowd = await round(agents, { askers: 1, count: CROWD_TURNS * agents.length })
  return {
    agents: usual.length,
    memories,
    questions,
    remember_ms,
    first_ms: { p50: quantile(first, 0.5), max: quantile(first, 1) },
    alone,
    together,
    crowd: { ...crowd, agents: agents.length },
    memory_mib: { before, warm, crowd: await mebibytes(pid) },
  }
}

/** The round that others disturbed least: what they do is no part of a recall. */
export const quietest = (rounds: readonly RoundFound[]): RoundFound | undefined =>
  rounds.toSorted((one, other) => one.recall_ms.p95 - other.recall_ms.p95)[0]

async function rememberAll(
  of: Omit<Wish, 'agents'> & { agents: readonly string[]; made: ReturnType<typeof madeTexts> },
): Promise<number> {
  const { store, memories, made, log } = of
  const since = performance.now()
  for (const agentId of of.agents) {
    for (let from = 0; from < memories; from += BATCH) {
      const length = Math.min(BATCH, memories - from)
      await store.remember(
        TENANT,
        Array.from({ length }, () => made.memory({ agentId })),
      )
    }
    log(`${store.backend}: ${memories} memories of ${agentId}`)
  }
  return (performance.now() - since) / (of.agents.length * memories)
}

async function measureRound(of: {
  askers: number
  count: number
  pid: number | undefined
  ask: (n: number) => Promise<unknown>
}): Promise<RoundFound> {
  const { askers, count, pid, ask } = of
  const server = await serverMs(pid)
  const own = process.cpuUsage()
  const took: number[] = []
  let asked = 0
  const goOn = async (): Promise<void> => {
    while (asked < count) {
      const since = performance.now()
      await ask((asked += 1))
      took.push(performance.now() - since)
    }
  }
  await Promise.all(Array.from({ length: askers }, goOn))
  const { user, system } = process.cpuUsage(own)
  const later = await serverMs(pid)
  const isKnown = server !== undefined && later !== undefined
  const p = (share: number): number => quantile(took, share)
  return {
    askers,
    recall_ms: { p50: p(0.5), p95: p(0.95), max: p(1) },
    cpu: {
      own_ms: (user + system) / 1_000 / count,
      server_ms: isKnown ? (later - server) / count : null,
    },
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}

/** Milliseconds of CPU of a server with all its processes. */
async function serverMs(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined
  const rows = await processTree(pid)
  return rows.reduce((sum, { cpu_s }) => sum + cpu_s * 1_000, 0)
}

/** Pages that are shared, PostgreSQL's buffers, are counted once. */
async function mebibytes(pid: number | undefined): Promise<Mebibytes> {
  const own = process.memoryUsage.rss() / MIB
  if (pid === undefined) return { own, server: null }
  const rows = await processTree(pid)
  const bytes = await Promise.all(rows.map((row) => proportionalBytes(row.pid)))
  return { own, server: bytes.reduce<number>((sum, one) => sum + (one ?? 0), 0) / MIB }
}
