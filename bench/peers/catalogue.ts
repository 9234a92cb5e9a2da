import type { Peer } from './peer.ts'

/**
 * The peers at pinned versions, each with the durability that its documentation recommends switched
 * on. A newer version is a change of this table and a new run.
 */
export const PEERS: readonly Peer[] = [
  {
    id: 'langgraph',
    name: 'LangGraph.js',
    leading: '@langchain/langgraph',
    packages: {
      '@langchain/langgraph': '1.7.3',
      '@langchain/langgraph-checkpoint-postgres': '1.0.5',
      '@langchain/core': '1.4.0',
    },
    recovery: 'PostgresSaver, durability sync; the application invokes the thread again with null',
    recoversByItself: false,
    burst: 300,
  },
  {
    id: 'mastra',
    name: 'Mastra',
    leading: '@mastra/core',
    packages: { '@mastra/core': '1.71.0', '@mastra/pg': '1.27.1' },
    recovery: 'PostgresStore snapshots; restartAllActiveWorkflowRuns() at start',
    recoversByItself: true,
    burst: 300,
  },
  {
    id: 'dbos',
    name: 'DBOS',
    leading: '@dbos-inc/dbos-sdk',
    packages: { '@dbos-inc/dbos-sdk': '5.3.0' },
    recovery: 'launch() recovers the pending workflows of this executor',
    recoversByItself: true,
    burst: 500,
  },
  {
    id: 'restate',
    name: 'Restate',
    leading: '@restatedev/restate-server',
    packages: {
      '@restatedev/restate-sdk': '1.17.2',
      '@restatedev/restate-server': '1.7.12',
    },
    recovery: 'its server calls the handler again; ctx.run journals the step',
    recoversByItself: true,
    burst: 500,
  },
  {
    id: 'bullmq',
    name: 'BullMQ',
    leading: 'bullmq',
    packages: { bullmq: '6.7.0' },
    recovery: 'a flow of three jobs; stalled ones go back after their lock of 30 s',
    recoversByItself: true,
    burst: 4_000,
  },
]

/** Those whose speed is measured; graphile-worker gives the jobs of a killed one back after 4 h. */
export const FAST_PEERS: readonly Peer[] = [
  ...PEERS,
  {
    id: 'graphile',
    name: 'graphile-worker',
    leading: 'graphile-worker',
    packages: { 'graphile-worker': '0.18.0' },
    recovery: 'three chained jobs, localQueue 500, completions in batches',
    recoversByItself: false,
    burst: 2_000,
  },
  {
    id: 'graphile-gathered',
    name: 'graphile-worker, next jobs added together',
    leading: 'graphile-worker',
    packages: { 'graphile-worker': '0.18.0' },
    recovery: 'the same; the program gathers the next jobs of many steps for one call',
    recoversByItself: false,
    burst: 4_000,
  },
]
