import { performance } from 'node:perf_hooks'

import { Counter, Histogram, Registry } from '@prometheus-io/client'

import { addGauges, type GaugeRow } from './gauges.ts'

/** What a process counts. `registry` takes further ones; everything is read at scrape time only. */
export type Metrics = Readonly<{
  registry: Registry
  /** Tasks, results, goals and grants that a role finished with. */
  tasks: Counter<'kind' | 'outcome'>
  batchSize: Histogram<'stream'>
  batchSeconds: Histogram<'stream'>
  deadLetters: Counter<'stream' | 'code'>
  toolCalls: Counter<'tool' | 'outcome'>
}>

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500]

export function openMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  addProcessMetrics(registry)
  return {
    registry,
    tasks: new Counter({
      name: 'chimera_tasks_total',
      help: 'Units of work that were finished, by kind and outcome',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    batchSize: new Histogram({
      name: 'chimera_batch_entries',
      help: 'Entries in one batch of a stream',
      labelNames: ['stream'],
      buckets: SIZES,
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'chimera_batch_seconds',
      help: 'Seconds from reading a batch to its acknowledgement',
      labelNames: ['stream'],
      buckets: SECONDS,
      registers,
    }),
    deadLetters: new Counter({
      name: 'chimera_dead_letters_total',
      help: 'Entries that were given up, by stream and code',
      labelNames: ['stream', 'code'],
      registers,
    }),
    toolCalls: new Counter({
      name: 'chimera_tool_calls_total',
      help: 'Calls of tools, by tool and outcome',
      labelNames: ['tool', 'outcome'],
      registers,
    }),
  }
}

/**
 * The standard names of the client's own default metrics, but read at scrape time: the default set
 * samples the event loop every 10 ms, which alone breaks the promise to be quiet at rest.
 */
function addProcessMetrics(registry: Registry): void {
  let utilization = performance.eventLoopUtilization()
  const rows: readonly GaugeRow[] = [
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory in bytes',
      read: () => process.memoryUsage.rss(),
    },
    {
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time in seconds',
      read: () => (process.cpuUsage().user + process.cpuUsage().system) / 1_000_000,
    },
    {
      name: 'process_start_time_seconds',
      help: 'When the process started, in seconds since 1970',
      read: () => Math.floor(performance.timeOrigin / 1_000),
    },
    {
      name: 'nodejs_heap_size_used_bytes',
      help: 'Used JavaScript heap in bytes',
      read: () => process.memoryUsage().heapUsed,
    },
    {
      name: 'nodejs_eventloop_utilization_ratio',
      help: 'Share of time that the event loop was busy since the last scrape',
      read: () => {
        const since = performance.eventLoopUtilization(utilization)
        utilization = performance.eventLoopUtilization()
        return since.utilization
      },
    },
  ]
  addGauges(registry, rows)
}
