import { Memory, MemoryFindings } from '@chimera/contracts/judging/memory'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readPages } from '../../read-pages.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type SearchOptions = Readonly<{ agent: string; limit: number; json?: boolean }>
export type ListOptions = Readonly<{ agent?: string; limit: number; json?: boolean }>

/** Letters of a memory in a table. */
const MAX_SHOWN = 60

/** What an agent would recall, and the parts of each score. */
export async function searchMemories(
  question: string,
  options: SearchOptions,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const body = { agent_id: options.agent, question, limit: options.limit }
  const found = MemoryFindings.parse(await client.post('/v1/memories/search', body))
  if (options.json === true) return context.out(printableJson(found))
  const rows = found.memories.map(({ id, score, because, label, content }) => [
    id,
    score.toFixed(3),
    because.lexical.toFixed(2),
    because.vector.toFixed(2),
    because.recency.toFixed(2),
    because.importance.toFixed(2),
    label,
    shortened(content),
  ])
  const head = ['id', 'score', 'words', 'vector', 'recent', 'important', 'label', 'memory']
  for (const line of renderTable(head, rows)) context.out(line)
  context.out(plain(`Searched in ${found.backend} with vectors of ${found.embedder}.`))
}

/** Memories, newest first. */
export async function listMemories(options: ListOptions, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  const memories = await readPages({
    client,
    path: '/v1/memories',
    field: 'memories',
    query: { agent: options.agent },
    limit: options.limit,
    parse: (item) => Memory.parse(item),
  })
  if (options.json === true) return context.out(printableJson(memories))
  const rows = memories.map((memory) => [
    memory.id,
    memory.agent_id,
    memory.kind,
    memory.label,
    memory.timestamp,
    memory.importance.toFixed(2),
    shortened(memory.content),
  ])
  const head = ['id', 'agent', 'kind', 'label', 'at', 'important', 'memory']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** One memory with everything that is known of it. */
export async function showMemory(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const memory = Memory.parse(await client.get(`/v1/memories/${encodeURIComponent(id)}`))
  if (options.json === true) return context.out(printableJson(memory))
  const lines = renderFields({
    memory: memory.id,
    agent: memory.agent_id,
    kind: memory.kind,
    content: memory.content,
    tags: memory.relevance_tags.join(', '),
    at: memory.timestamp,
    label: memory.label,
    sources: JSON.stringify(memory.sources),
    goal: memory.goal_id,
    task: memory.task_id,
    importance: memory.importance.toFixed(2),
    expires: memory.expires_at,
  })
  for (const line of lines) context.out(line)
}

/** Forgets memories for good. */
export async function forgetMemories(
  ids: readonly string[],
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const answer = await client.post('/v1/memories/forget', { ids })
  const { forgotten } = z.object({ forgotten: z.array(z.string()) }).parse(answer)
  if (options.json === true) return context.out(printableJson({ forgotten }))
  context.out(`${forgotten.length} of ${ids.length} memories were there and are forgotten.`)
}

const shortened = (content: string): string =>
  content.length <= MAX_SHOWN ? content : `${content.slice(0, MAX_SHOWN - 1)}…`
