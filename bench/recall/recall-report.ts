import { shown } from '../report/figures.ts'
import { type LatencyFound, quietest, type RoundFound } from './measure-latency.ts'
import type { QualityFound } from './measure-quality.ts'

/** What the bench found out about one memory. */
export type StoreFound = Readonly<{
  backend: string
  lexical: QualityFound
  hybrid: QualityFound
  latency: LatencyFound
}>

/** Milliseconds at p95 with 50,000 memories (issue "Memory and models"). */
const MOST_P95_MS: Readonly<Record<string, number>> = { postgres: 100, weaviate: 50 }

/** The gist, some lines for each memory. */
export function renderRecall(found: readonly StoreFound[]): string[] {
  return found.flatMap(({ backend, lexical, hybrid, latency }) => {
    const { agents, memories, questions, first_ms: first, crowd, memory_mib: mib } = latency
    const rounds = [latency.alone, latency.together]
    return [
      `${backend}: ${agents} agents of ${memories} memories, ${questions} questions a round`,
      ...rounds.flatMap((some) => linesOf(some, MOST_P95_MS[backend] ?? Number.NaN)),
      `  the first of an agent p50 ${shown(first.p50)} ms, worst ${shown(first.max)} ms; ` +
        `to remember one ${shown(latency.remember_ms)} ms`,
      `  ${crowd.agents} agents in turn: ${timesOf(crowd)}`,
      `  MiB of this process and the server: ${both(mib.before)} before, ${both(mib.warm)} with ` +
        `all at hand, ${both(mib.crowd)} after ${crowd.agents} agents`,
      `  recall@5 ${percent(lexical.at5)} by words alone, ${percent(hybrid.at5)} hybrid; ` +
        `first place ${percent(lexical.at1)} and ${percent(hybrid.at1)}`,
    ]
  })
}

function linesOf(rounds: readonly RoundFound[], most: number): string[] {
  const best = quietest(rounds)
  if (best === undefined) return []
  const worst = Math.max(...rounds.map(({ recall_ms: recall }) => recall.p95))
  return [
    `  ${best.askers} at a time: ${timesOf(best)} ` +
      `(p95 <= ${most} ms: ${best.recall_ms.p95 <= most ? 'met' : 'NOT MET'}); ` +
      `p95 of the worst of ${rounds.length} rounds ${shown(worst)} ms`,
  ]
}

const timesOf = ({ recall_ms: recall, cpu, load }: RoundFound): string =>
  `p50 ${shown(recall.p50)} ms, p95 ${shown(recall.p95)} ms, worst ${shown(recall.max)} ms; ` +
  `CPU ${shown(cpu.own_ms)} + ${shown(cpu.server_ms)} ms; load ${load}`

const both = ({ own, server }: { own: number; server: number | null }): string =>
  `${shown(own)} + ${shown(server)}`

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
