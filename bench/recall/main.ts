/**
 * How long does a recall take, and does it find what it should? `node bench/recall/main.ts
 * [--memories 10000] [--agents 5] [--crowd 10] [--questions 300] [--askers 4] [--rounds 5]
 * [--backend postgres|weaviate] [--json <file>]`: the memory in PostgreSQL, and in Weaviate where
 * WEAVIATE_URL is set or a weaviate-server is there. `crowd` agents do not fit into the process
 * together.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { measureLatency } from './measure-latency.ts'
import { hybrid, measureQuality, wordsAlone } from './measure-quality.ts'
import { openStores, TENANT } from './open-stores.ts'
import { loadQuestionSet } from './question-set.ts'
import { renderRecall, type StoreFound } from './recall-report.ts'

const Options = z.strictObject({
  memories: numberOption(10_000),
  agents: numberOption(5),
  crowd: numberOption(10),
  questions: numberOption(300),
  askers: numberOption(4),
  rounds: numberOption(5),
  backend: z.enum(['postgres', 'weaviate']).optional(),
  json: z.string().optional(),
})

const { json, backend: only, ...options } = readBenchOptions(Options, process.argv.slice(2))
const log = (line: string): void => void process.stderr.write(`${line}\n`)
const machine = describeMachine()
const started_at = new Date()
const set = loadQuestionSet()
const texts = [...set.pairs.map(({ answer }) => answer), ...set.distractors]
const run = Date.now().toString(36)

await using opened = await openStores({ env: process.env, log })
const found: StoreFound[] = []
for (const [backend, { open, pid }] of Object.entries(opened.stores)) {
  if (only !== undefined && backend !== only) continue
  const ask = (embedder: typeof hybrid, kind: string) =>
    measureQuality({ store: open(embedder), tenantId: TENANT, agentId: `${kind}-${run}`, set })
  const crowd = Math.max(options.agents, options.crowd)
  const times = { ...options, crowd, pid: pid(), texts, run, log }
  found.push({
    backend,
    lexical: await ask(wordsAlone, 'words'),
    hybrid: await ask(hybrid, 'hybrid'),
    latency: await measureLatency({ ...times, store: open(hybrid) }),
  })
}
writeReport({
  report: {
    bench: 'recall',
    machine,
    started_at,
    found: { ...options, pairs: set.pairs.length, stores: found },
    lines: renderRecall(found),
  },
  json,
  out: (line) => void process.stdout.write(`${line}\n`),
})
