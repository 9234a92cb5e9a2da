import { shown } from '../report/figures.ts'
import type { LatencyFound } from './measure-latency.ts'
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
    const { agents, memories, first_ms: first, recall_ms: recall, rss_mib: rss } = latency
    const most = MOST_P95_MS[backend] ?? Number.NaN
    return [
      `${backend}: ${agents} agents of ${memories} memories, recall p50 ${shown(recall.p50)} ms, ` +
        `p95 ${shown(recall.p95)} ms, worst ${shown(recall.max)} ms ` +
        `(p95 <= ${most} ms: ${recall.p95 <= most ? 'met' : 'NOT MET'})`,
      `  the first of an agent p50 ${shown(first.p50)} ms, worst ${shown(first.max)} ms; ` +
        `this process ${shown(rss.before)} MiB before, ${shown(rss.after)} MiB after`,
      `  recall@5 ${percent(lexical.at5)} by words alone, ${percent(hybrid.at5)} hybrid; ` +
        `first place ${percent(lexical.at1)} and ${percent(hybrid.at1)}`,
    ]
  })
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
