import { renderTable } from '@chimera/cli/terminal-table'

import { median, quantile, shown } from '../../report/figures.ts'
import { type Ratio, ratiosOf, renderRatios } from '../../report/ratios.ts'

/** Who took part, with its figure of each round (NaN where it had none). */
export type Contestant = {
  id: string
  name: string
  version: string
  /** Of one burst. */
  jobs: number
  per_s: number[]
  faults: string[]
  /** Why it took no part. */
  absent?: string
}

export const OURS = 'swarm'
export const BARE = 'bare'

/** What design.md section 11 wants of the swarm against each, and of the bare pipeline. */
const AT_LEAST: Readonly<Record<string, number>> = {
  bullmq: 3,
  graphile: 2.2,
  dbos: 10,
  restate: 10,
  langgraph: 10,
  mastra: 10,
}
const BARE_OF_BULLMQ = 4
const CONSUME_OF_BULLMQ = 4
const CONSUME_OF_RAW = 0.4

export type PeersFound = Readonly<{
  jobs: readonly Contestant[]
  consumers: readonly Contestant[]
}>

export function peersRatios({ jobs, consumers }: PeersFound): Ratio[] {
  const of = (all: readonly Contestant[], id: string): readonly number[] =>
    all.find((one) => one.id === id)?.per_s ?? []
  const ratio = (what: string, all: readonly Contestant[], ids: string[], atLeast: number) =>
    ratiosOf({ what, of: of(all, ids[0] ?? ''), to: of(all, ids[1] ?? ''), atLeast })
  return [
    ...Object.entries(AT_LEAST).map(([id, atLeast]) =>
      ratio(`swarm / ${id}, jobs of three steps`, jobs, [OURS, id], atLeast),
    ),
    ratiosOf({
      what: 'swarm / graphile-gathered, jobs of three steps',
      of: of(jobs, OURS),
      to: of(jobs, 'graphile-gathered'),
    }),
    ratio('bare / bullmq, jobs of three steps', jobs, [BARE, 'bullmq'], BARE_OF_BULLMQ),
    ratio('consumer / bullmq, one hop', consumers, ['chimera', 'bullmq'], CONSUME_OF_BULLMQ),
    ratio('consumer / raw read and ack', consumers, ['chimera', 'raw'], CONSUME_OF_RAW),
  ]
}

export function renderPeers(found: PeersFound): string[] {
  const all = [...found.jobs, ...found.consumers]
  const table = (of: readonly Contestant[], what: string): string[] =>
    renderTable(
      [what, 'version', 'jobs a round', 'a second', 'least', 'most', 'rounds'],
      of.map(({ name, version, jobs, per_s }) => {
        const measured = per_s.filter(Number.isFinite)
        const at = (share: number): string => shown(quantile(measured, share))
        return [name, version, jobs, shown(median(measured)), at(0), at(1), measured.length]
      }),
    )
  const faults = all.flatMap(({ name, absent, faults: many }) => [
    ...(absent === undefined ? [] : [`ABSENT ${name}: ${absent}`]),
    ...many.map((one) => `FAULT ${name}: ${one}`),
  ])
  return [
    'A job of three steps that do nothing, each step durable; all on the same servers, in turns.',
    '',
    ...table(found.jobs, 'jobs'),
    '',
    'One hop: entries that lie there are read, parsed, validated, handled and acknowledged.',
    '',
    ...table(found.consumers, 'consumers'),
    ...(faults.length === 0 ? [] : ['', ...faults]),
    '',
    ...renderRatios(peersRatios(found)),
  ]
}
