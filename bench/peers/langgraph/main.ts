/**
 * LangGraph.js: a graph of three nodes with the Postgres saver, every checkpoint written in step.
 */
import { Annotation, END, START, StateGraph } from '@langchain/langgraph'
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres'

import { obey, openJob } from '../job.ts'

const job = openJob(process.argv[2])
const checkpointer = PostgresSaver.fromConnString(job.settings.databaseUrl)
await checkpointer.setup()

const node = (run: (intent: string) => Promise<void>) => async (state: { intent: string }) => {
  await run(state.intent)
  return {}
}
const graph = new StateGraph(Annotation.Root({ intent: Annotation() }))
  .addNode('first', node(job.first))
  .addNode('send', node(job.send), { retryPolicy: { maxAttempts: 3 } })
  .addNode('last', node(job.last))
  .addEdge(START, 'first')
  .addEdge('first', 'send')
  .addEdge('send', 'last')
  .addEdge('last', END)
  .compile({ checkpointer })

const config = (intent: string) => ({
  configurable: { thread_id: intent },
  durability: 'sync' as const,
})

await obey({
  submit: (intent) => graph.invoke({ intent }, config(intent)),
  resume: (intent) => graph.invoke(null, config(intent)),
  close: () => checkpointer.end(),
})
