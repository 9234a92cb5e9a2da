import { TerminalError } from '@chimera/contracts/errors'
import { AgentId, Uuid } from '@chimera/contracts/ids'
import { MemoryForgetting, MemorySearch } from '@chimera/contracts/judging/memory'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import type { Database } from '@chimera/infra/database/open-database'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { z } from 'zod'

import type { GatewayContext } from '../http/context.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { parseInput } from '../http/faults.ts'
import { linkNext, PageQuery, parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database; memory: MemoryStore }>

/** What agents remember: to be searched, looked at and forgotten. People write no memories. */
export function memoryRoutes(deps: Deps): Route[] {
  const path = '/v1/memories'
  return [
    { method: 'GET', path, needs: 'read', handle: (c) => list(c, deps) },
    { method: 'POST', path: `${path}/search`, needs: 'read', handle: (c) => search(c, deps) },
    { method: 'POST', path: `${path}/forget`, needs: 'write', handle: (c) => forget(c, deps) },
    { method: 'GET', path: `${path}/:id`, needs: 'read', handle: (c) => show(c, deps) },
  ]
}

async function search(c: GatewayContext, { memory }: Deps): Promise<Response> {
  const given = parseInput(MemorySearch, await readJson(c.req.raw), { what: 'The search' })
  const { tenantId } = c.get('principal')
  const { agent_id: agentId, question, limit } = given
  const memories = await memory.recall({ tenantId, agentId, question, limit })
  return c.json({ backend: memory.backend, embedder: memory.embedder, memories })
}

const ListQuery = z.strictObject({ ...PageQuery, agent: AgentId.optional() })

const Place = z.tuple([Uuid])

async function list(c: GatewayContext, { memory }: Deps): Promise<Response> {
  const { limit, cursor, agent } = parseQuery(c, ListQuery)
  const [before] = cursor === undefined ? [] : readCursor(cursor, Place)
  const { tenantId } = c.get('principal')
  const memories = await memory.list({ tenantId, agentId: agent, before, limit })
  const last = memories.length < limit ? undefined : memories.at(-1)
  const nextCursor = last === undefined ? null : writeCursor([last.id])
  linkNext(c, nextCursor)
  return c.json({ memories, next_cursor: nextCursor })
}

async function show(c: GatewayContext, { memory }: Deps): Promise<Response> {
  const given = c.req.param('id') ?? ''
  const id = Uuid.safeParse(given)
  const { tenantId } = c.get('principal')
  const found = id.success ? await memory.find(tenantId, id.data) : undefined
  if (found === undefined) {
    const quoted = JSON.stringify(given.slice(0, 64))
    throw new TerminalError('MEMORY_NOT_FOUND', `There is no memory ${quoted}.`)
  }
  return c.json(found)
}

/** What was forgotten stands in the audit by its id; what it said stands nowhere any more. */
async function forget(c: GatewayContext, { database, memory }: Deps): Promise<Response> {
  const given = parseInput(MemoryForgetting, await readJson(c.req.raw), { what: 'The request' })
  const { tenantId, tokenId } = c.get('principal')
  const forgotten = await memory.forget(tenantId, given.ids)
  const audit = draftAudit()
  for (const id of forgotten) {
    audit.add(tenantId, { subject: 'memory', id, from: 'REMEMBERED', to: 'FORGOTTEN' })
  }
  await database.transaction((tx) => appendAudit(tx, audit, `token:${tokenId}`))
  return c.json({ forgotten })
}
