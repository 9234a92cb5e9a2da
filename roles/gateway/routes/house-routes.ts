import { TerminalError } from '@chimera/contracts/errors'
import { NewPersona, PersonaName } from '@chimera/contracts/judging/persona'
import {
  NewRegistryEntry,
  REGISTRY_VALUES,
  RegistryKind,
  RegistryRemoval,
} from '@chimera/contracts/judging/registry'
import type { Database } from '@chimera/infra/database/open-database'
import { listPersonas } from '@chimera/infra/database/personas/list-personas'
import { pinPersona } from '@chimera/infra/database/personas/pin-persona'
import {
  addRegistryEntry,
  removeRegistryEntry,
} from '@chimera/infra/database/registry/change-registry'
import { listRegistry, MAX_REGISTRY } from '@chimera/infra/database/registry/list-registry'
import { parseSoul } from '@chimera/infra/personas/parse-soul'
import { z } from 'zod'

import type { GatewayContext } from '../http/context.ts'
import { parseInput } from '../http/faults.ts'
import { parseQuery } from '../http/page.ts'
import { readJson } from '../http/read-json.ts'
import type { Route } from './route.ts'

type Deps = Readonly<{ database: Database }>

/**
 * The address book and the personas: what only people write. No task, effect or approval leads to
 * one of the routes that change them.
 */
export function houseRoutes(deps: Deps): Route[] {
  const [registry, personas] = ['/v1/registry', '/v1/personas']
  return [
    { method: 'GET', path: registry, needs: 'read', handle: (c) => showRegistry(c, deps) },
    { method: 'POST', path: registry, needs: 'policy', handle: (c) => addEntry(c, deps) },
    {
      method: 'POST',
      path: `${registry}/remove`,
      needs: 'policy',
      handle: (c) => removeEntry(c, deps),
    },
    { method: 'GET', path: personas, needs: 'read', handle: (c) => showPersonas(c, deps) },
    { method: 'POST', path: personas, needs: 'policy', handle: (c) => pin(c, deps) },
    { method: 'GET', path: `${personas}/:name`, needs: 'read', handle: (c) => showOne(c, deps) },
  ]
}

const RegistryQuery = z.strictObject({
  kind: RegistryKind.optional(),
  /** What was removed or changed, too. */
  all: z.enum(['true', 'false']).default('false'),
})

async function showRegistry(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { kind, all } = parseQuery(c, RegistryQuery)
  const { tenantId } = c.get('principal')
  const entries = await listRegistry(database, { tenantId, kind, all: all === 'true' })
  return c.json({ entries })
}

async function addEntry(c: GatewayContext, { database }: Deps): Promise<Response> {
  const given = parseInput(NewRegistryEntry, await readJson(c.req.raw), { what: 'The row' })
  const { kind, name, note } = given
  const schema: z.ZodType = REGISTRY_VALUES[kind]
  const value = parseInput(schema, given.value, { what: 'The row', under: '/value' })
  const { tenantId, tokenId } = c.get('principal')
  const held = await listRegistry(database, { tenantId })
  if (held.length >= MAX_REGISTRY) {
    const message = `The registry holds ${MAX_REGISTRY} rows; remove some before you add one.`
    throw new TerminalError('INPUT_INVALID', message)
  }
  const of = { tenantId, kind, name, value, note, actor: `token:${tokenId}` }
  return c.json(await addRegistryEntry(database, of), 201)
}

async function removeEntry(c: GatewayContext, { database }: Deps): Promise<Response> {
  const given = parseInput(RegistryRemoval, await readJson(c.req.raw), { what: 'The removal' })
  const { tenantId, tokenId } = c.get('principal')
  const of = { tenantId, ...given, actor: `token:${tokenId}` }
  const removed = await removeRegistryEntry(database, of)
  if (removed === undefined) {
    const message = `The registry holds no ${given.kind} ${JSON.stringify(given.name)}.`
    throw new TerminalError('REGISTRY_ENTRY_NOT_FOUND', message)
  }
  return c.json(removed)
}

async function showPersonas(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { tenantId } = c.get('principal')
  return c.json({ personas: await listPersonas(database, { tenantId }) })
}

async function showOne(c: GatewayContext, { database }: Deps): Promise<Response> {
  const given = c.req.param('name') ?? ''
  const name = PersonaName.safeParse(given)
  const { tenantId } = c.get('principal')
  const versions = name.success ? await listPersonas(database, { tenantId, name: name.data }) : []
  if (versions.length === 0) {
    const quoted = JSON.stringify(given.slice(0, 64))
    throw new TerminalError('PERSONA_NOT_FOUND', `No persona is pinned as ${quoted}.`)
  }
  return c.json({ versions })
}

async function pin(c: GatewayContext, { database }: Deps): Promise<Response> {
  const { name, content } = parseInput(NewPersona, await readJson(c.req.raw), {
    what: 'The persona',
  })
  const { persona, sha256 } = parseSoul(content)
  const { tenantId, tokenId } = c.get('principal')
  const of = { tenantId, name, persona, sha256, actor: `token:${tokenId}` }
  const { persona: pinned, isNew } = await pinPersona(database, of)
  return c.json(pinned, isNew ? 201 : 200)
}
