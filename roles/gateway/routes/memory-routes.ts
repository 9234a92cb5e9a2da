import { TerminalError } from '@chimera/contracts/errors'
import { AgentId, Uuid } from '@chimera/contracts/ids'
import { MemoryForgetting, MemorySearch } from '@chimera/contracts/judging/memory'
import {
  MemoryMove,
  type MoveStep,
  type ReEmbedded,
  ReEmbedding,
} from '@chimera/contracts/judging/memory-upkeep'
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
    {
      method: 'POST',
      path: `${path}/re-embed`,
      needs: 'write',
      handle: (c) => reEmbed(c, c.get('principal').tenantId, deps),
    },
    {
      method: 'POST',
      path: '/v1/tenants/:id/memories/re-embed',
      needs: 'admin',
      handle: (c) => reEmbed(c, tenantIn(c), deps),
    },
    { method: 'POST', path: `${path}/migrate`, needs: 'admin', handle: (c) => migrate(c, deps) },
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

/** One step: whoever asks comes again until nothing is found, and sees how far it has got. */
async function reEmbed(c: GatewayContext, tenantId: string, { memory }: Deps): Promise<Response> {
  const given = parseInput(ReEmbedding, await readJson(c.req.raw), { what: 'The request' })
  const { agent_id: agentId, limit } = given
  const { held, stale } = await memory.countVectors({ tenantId, agentId })
  const done =
    limit === 0 || stale === 0
      ? { found: 0, renewed: 0 }
      : await memory.reEmbed({ tenantId, agentId, limit })
  const { backend, embedder } = memory
  return c.json({ backend, embedder, held, stale, ...done } satisfies ReEmbedded)
}

function tenantIn(c: GatewayContext): string {
  const given = c.req.param('id') ?? ''
  const id = Uuid.safeParse(given)
  if (id.success) return id.data
  const quoted = JSON.stringify(given.slice(0, 64))
  throw new TerminalError('TENANT_NOT_FOUND', `There is no tenant ${quoted}.`)
}

/** One step, of all tenants: a house matter, like the place in which memories are. */
async function migrate(c: GatewayContext, { memory }: Deps): Promise<Response> {
  const given = parseInput(MemoryMove, await readJson(c.req.raw), { what: 'The request' })
  const { place, limit, renew: isRenewal, drop_old: dropsOld } = given
  const step = await memory.migrate({ place, limit, isRenewal, dropsOld })
  return c.json(step satisfies MoveStep)
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
