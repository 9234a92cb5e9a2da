/** What agents remember, over HTTP and by hand. */
import { registerOperatorCommands } from '@chimera/cli/commands/operator-commands'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { MemoryFindings } from '@chimera/contracts/judging/memory'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { sampleMemory } from '../memory/sample-memory.ts'
import { openGatewayRig, problemIn, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
const fees = sampleMemory('Fees are lowest on Sunday.', { label: 'untrusted' })
const tone = sampleMemory('A calm tone gets more replies.', { agent_id: 'bard' })

beforeAll(async () => {
  rig = await openGatewayRig()
  const { database } = rig
  const scopeOf = (tenantId: string) => ({ tenantId })
  await using store = openPostgresMemory({ database, embedder: lexicalEmbedder, scopeOf })
  await store.remember(DEFAULT_TENANT, [fees, tone])
})
afterAll(() => rig[Symbol.asyncDispose]())

/** What the command prints. */
async function say(...args: string[]): Promise<string> {
  const lines: string[] = []
  const program = new Command('chimera').exitOverride()
  registerOperatorCommands(program, {
    env: { CHIMERA_GATEWAY_URL: rig.url, CHIMERA_TOKEN: rig.token },
    out: (line) => lines.push(line),
    err: () => {},
  })
  await program.parseAsync(['memory', ...args], { from: 'user' })
  return lines.join('\n')
}
const run = async (...args: string[]): Promise<unknown> => JSON.parse(await say(...args, '--json'))

test('a search answers what the agent would recall, and why', async () => {
  const found = MemoryFindings.parse(await run('search', 'when are fees lowest'))
  expect(found).toMatchObject({ backend: 'postgres', embedder: lexicalEmbedder.name })
  expect(found.memories).toMatchObject([{ id: fees.id, label: 'untrusted' }])
  expect(found.memories[0]?.because).toMatchObject({ lexical: 1, importance: 0.5 })
  expect(await say('search', 'when are fees lowest')).toContain('lexical-hash-384')
  expect(await run('search', 'fees', '--agent', 'bard')).toMatchObject({ memories: [] })
})

test('memories are listed, by agent too, and shown', async () => {
  expect(await run('ls')).toHaveLength(2)
  expect(await run('ls', '--agent', 'bard')).toEqual([tone])
  expect(await run('show', tone.id)).toEqual(tone)
  expect(await say('show', tone.id)).toContain('A calm tone')
  await expect(run('show', newId())).rejects.toMatchObject({ code: 'MEMORY_NOT_FOUND' })
  const answer = await rig.ask('/v1/memories?limit=1')
  expect(answer.headers.get('link')).toContain('rel="next"')
})

test('what is forgotten is gone and stands in the audit by its id alone', async () => {
  const read = {
    tenantId: DEFAULT_TENANT,
    name: 'reader',
    scopes: ['read'],
    actor: 'test',
  } as const
  const { secret } = await createToken(rig.database, read)
  const headers = { authorization: `Bearer ${secret}` }
  const refused = await rig.post('/v1/memories/forget', { ids: [tone.id] }, headers)
  expect(await problemIn(refused)).toMatchObject({ code: 'FORBIDDEN' })
  expect(await run('forget', tone.id, newId())).toEqual({ forgotten: [tone.id] })
  expect(await run('forget', tone.id)).toEqual({ forgotten: [] })
  await expect(run('show', tone.id)).rejects.toMatchObject({ code: 'MEMORY_NOT_FOUND' })
  const entries = await rig.database.query<{ items: unknown }>({
    text: `SELECT items FROM audit_entries WHERE items @> '[{"subject": "memory"}]'`,
  })
  expect(entries).toEqual([
    { items: [{ subject: 'memory', id: tone.id, from: 'REMEMBERED', to: 'FORGOTTEN' }] },
  ])
})

test.each([
  ['/v1/memories/search', { agent_id: 'bard' }],
  ['/v1/memories/search', { agent_id: 'bard', question: '' }],
  ['/v1/memories/search', { agent_id: 'bard', question: 'x', limit: 51 }],
  ['/v1/memories/search', { agent_id: 'bard', question: 'x', tenant_id: newId() }],
  ['/v1/memories/forget', { ids: [] }],
  ['/v1/memories/forget', { ids: ['x'] }],
])('%s refuses %o', async (path, body) => {
  const answer = await rig.post(path, body)
  expect(await problemIn(answer)).toMatchObject({ status: 422, code: 'INPUT_INVALID' })
})
