/** Vectors made anew by hand: step by step over HTTP, with what the command prints. */
import { registerOperatorCommands } from '@chimera/cli/commands/operator-commands'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { sampleMemory } from '../memory/sample-memory.ts'
import { versionedEmbedder } from '../memory/versioned-embedder.ts'
import { openGatewayRig, problemIn, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
const other = newId()
const EMBEDDER = 'lexical-hash-384@1'

beforeAll(async () => {
  rig = await openGatewayRig()
  await rig.post('/v1/tenants', { id: other, name: 'other' })
})
afterAll(() => rig[Symbol.asyncDispose]())

/** Memories as another embedder has left them. */
async function leave(tenantId: string, of: { n: number; agent: string }): Promise<void> {
  const scopeOf = () => ({ tenantId })
  const embedder = versionedEmbedder('model@1')
  await using store = openPostgresMemory({ database: rig.database, embedder, scopeOf })
  await store.remember(
    tenantId,
    Array.from({ length: of.n }, (_, n) => sampleMemory(`Fee ${n}.`, { agent_id: of.agent })),
  )
}

async function run(...args: string[]): Promise<{ out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []]
  const program = new Command('chimera').exitOverride()
  registerOperatorCommands(program, {
    env: { CHIMERA_GATEWAY_URL: rig.url, CHIMERA_TOKEN: rig.token },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  })
  await program.parseAsync(['memory', ...args], { from: 'user' })
  return { out, err }
}

const Line = z.looseObject({ phase: z.string(), done: z.number().optional() })
const phasesOf = (lines: readonly string[]) =>
  lines.map((line) => {
    const { phase, done } = Line.parse(JSON.parse(line))
    return [phase, done]
  })

test('the command goes through all of it, in steps that it tells of', async () => {
  await leave(DEFAULT_TENANT, { n: 7, agent: 'bard' })
  await leave(DEFAULT_TENANT, { n: 3, agent: 'clerk' })
  const question = { agent_id: 'bard', question: 'fee' }
  const refused = await problemIn(await rig.post('/v1/memories/search', question))
  expect(refused).toMatchObject({ status: 409, code: 'MEMORY_EMBEDDER_MIXED' })
  expect(refused['detail']).toContain('chimera memory re-embed')

  const clerk = await run('re-embed', '--agent', 'clerk', '--batch', '2', '--json')
  expect(phasesOf(clerk.out)).toEqual([
    ['re-embed', 2],
    ['re-embed', 3],
    ['done', undefined],
  ])
  const bard = await run('re-embed', '--batch', '5')
  expect(bard.err).toHaveLength(2)
  expect(bard.err[0]).toMatch(/^5 of 7 memories, [\d.]+\/s, \d+ s left$/)
  expect(bard.out).toEqual([`7 made anew; all 10 memories have vectors of ${EMBEDDER}.`])
  expect((await rig.post('/v1/memories/search', question)).status).toBe(200)
  const [done = ''] = (await run('re-embed', '--json')).out
  expect(JSON.parse(done)).toEqual({ phase: 'done', embedder: EMBEDDER, held: 10, made: 0 })
})

test('all tenants are the house’s to do, and nobody reaches another one by himself', async () => {
  await leave(other, { n: 4, agent: 'bard' })
  const write = {
    tenantId: DEFAULT_TENANT,
    name: 'writer',
    scopes: ['write'],
    actor: 'test',
  } as const
  const { secret } = await createToken(rig.database, write)
  const headers = { authorization: `Bearer ${secret}` }
  const path = `/v1/tenants/${other}/memories/re-embed`
  for (const closed of [path, '/v1/memories/migrate']) {
    const problem = await problemIn(await rig.post(closed, {}, headers))
    expect([closed, problem['code']]).toEqual([closed, 'FORBIDDEN'])
  }
  const own = await (await rig.post('/v1/memories/re-embed', { limit: 0 }, headers)).json()
  expect(own).toMatchObject({ backend: 'postgres', embedder: EMBEDDER, held: 10, stale: 0 })
  expect(await (await rig.post(path, { limit: 0 })).json()).toMatchObject({ held: 4, stale: 4 })
  const { out } = await run('re-embed', '--all')
  expect(out).toEqual([`4 made anew; all 14 memories have vectors of ${EMBEDDER}.`])
  await expect(run('re-embed', '--all', '--agent', 'bard')).rejects.toThrow('--agent or --all')
})

test('in PostgreSQL there is nothing to migrate', async () => {
  const { out } = await run('migrate', '--json')
  expect(out.map((line): unknown => JSON.parse(line))).toEqual([
    { phase: 'done', to: 'memories', left: [], dropped: [] },
  ])
})

test.each([
  ['/v1/memories/re-embed', { limit: 501 }],
  ['/v1/memories/re-embed', { agent_id: '' }],
  ['/v1/memories/re-embed', { tenant_id: newId() }],
  ['/v1/memories/migrate', { place: 'AgentMemory_v9' }],
  ['/v1/memories/migrate', { limit: 0 }],
])('%s refuses %o', async (path, body) => {
  const answer = await rig.post(path, body)
  expect(await problemIn(answer)).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
})

test('a tenant whose id is none is not found', async () => {
  const answer = await rig.post('/v1/tenants/x/memories/re-embed', {})
  expect(await problemIn(answer)).toMatchObject({ status: 404, code: 'TENANT_NOT_FOUND' })
})
