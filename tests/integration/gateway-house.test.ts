/** The address book and the personas, over HTTP and by hand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { registerOperatorCommands } from '@chimera/cli/commands/operator-commands'
import { HOUSE_ASSETS } from '@chimera/contracts/budget/moving-tools'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { PersonaView } from '@chimera/contracts/judging/persona'
import { RegistryView } from '@chimera/contracts/judging/registry'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { openGatewayRig, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
const folder = mkdtempSync(path.join(tmpdir(), 'chimera-house-'))

beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** What the command prints with --json. */
async function run(...args: string[]): Promise<unknown> {
  const lines: string[] = []
  const program = new Command('chimera').exitOverride()
  registerOperatorCommands(program, {
    env: { CHIMERA_GATEWAY_URL: rig.url, CHIMERA_TOKEN: rig.token },
    out: (line) => lines.push(line),
    err: () => {},
  })
  await program.parseAsync([...args, '--json'], { from: 'user' })
  return JSON.parse(lines.join('\n'))
}
const file = (name: string, content: string): string => {
  const at = path.join(folder, name)
  writeFileSync(at, content)
  return at
}
const Code = z.object({ code: z.string() })

test('rows come, change and go, each a version of its own', async () => {
  const ALICE = `0x${'ab'.repeat(20)}`
  const added = RegistryView.parse(await run('registry', 'add', 'address', 'Alice', ALICE))
  expect(added).toMatchObject({ kind: 'address', name: 'Alice', version: 1, value: ALICE })
  const usdc = '{"code": "USDC", "decimals": 6}'
  expect(await run('registry', 'add', 'asset', 'USDC', usdc)).toMatchObject({ version: 1 })
  const again = await run('registry', 'add', 'address', 'alice', ALICE, '--note', 'as before')
  expect(again).toMatchObject({ version: 2, note: 'as before' })
  expect(await run('registry', 'ls', '--kind', 'address')).toMatchObject([{ version: 2 }])
  expect(await run('registry', 'remove', 'address', 'ALICE')).toMatchObject({ version: 2 })
  expect(await run('registry', 'ls')).toMatchObject([{ kind: 'asset' }])
  expect(z.array(RegistryView).parse(await run('registry', 'ls', '--all'))).toHaveLength(3)
  await expect(run('registry', 'remove', 'address', 'alice')).rejects.toMatchObject({
    code: 'REGISTRY_ENTRY_NOT_FOUND',
  })
  const [entry] = await rig.database.query<{ items: unknown }>({
    text: `SELECT items FROM audit_entries WHERE items @> '[{"to": "REMOVED"}]'`,
  })
  expect(entry?.items).toMatchObject([{ subject: 'registry', id: 'address alice' }])
})

test('assets that are known are shown, and added when somebody says so', async () => {
  const known = async (...args: string[]) => run('registry', 'known', ...args)
  const none = { asset: { code: 'ETH', decimals: 18 }, registry: 'none' }
  expect(await known()).toMatchObject([none, { registry: 'there' }])
  const added = [{ registry: 'added' }, { asset: { code: 'USDC' }, registry: 'there' }]
  expect(await known('--add')).toMatchObject(added)
  expect(await known('--add')).toMatchObject([{ registry: 'there' }, { registry: 'there' }])
  const rows = z.array(RegistryView).parse(await run('registry', 'ls', '--kind', 'asset'))
  expect(rows).toMatchObject([
    { name: 'ETH', version: 1, value: { decimals: 18 }, note: 'known asset of simulated' },
    { name: 'USDC', version: 1 },
  ])
  // A row that a person wrote stays, and is told.
  await run('registry', 'add', 'asset', 'USDC', '{"code": "USDC", "decimals": 18}')
  await expect(known('--network', 'base', '--add')).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  expect(await known('--network', 'base')).toMatchObject([
    { registry: 'there' },
    { registry: 'differs', asset: { contract: '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913' } },
  ])
})

test.each(HOUSE_ASSETS)(
  'no asset and no price is named %s: the house counts that',
  async (name) => {
    const refused = { code: 'INPUT_INVALID', message: expect.stringContaining('house counts') }
    const asset = (code: string) => JSON.stringify({ code, decimals: 6 })
    for (const [row, code] of [
      ['DIME', name],
      [name, 'DIME'],
      [name.toLowerCase(), 'DIME'],
    ] as const) {
      const add = run('registry', 'add', 'asset', row, asset(code))
      await expect(add).rejects.toMatchObject(refused)
    }
    const price = run('policy', 'price', 'set', name, '1', '--decimals', '6')
    await expect(price).rejects.toMatchObject(refused)
  },
)

test.each([
  ['address', '0x12'],
  ['address', `0x${'AB'.repeat(20)}`],
  ['handle', '@chimera'],
  ['url', 'no link'],
  ['asset', 'USDC'],
  ['asset', '{"code": "USDC", "decimals": 6.5}'],
  ['phone', '+1555'],
])('a %s of %s is refused', async (kind, value) => {
  await expect(run('registry', 'add', kind, 'x', value)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  })
})

test('only who may do everything writes them', async () => {
  const scopes = ['read', 'write'] as const
  const of = { tenantId: DEFAULT_TENANT, name: 'worker', scopes, actor: 'test' }
  const { secret } = await createToken(rig.database, of)
  const headers = { authorization: `Bearer ${secret}` }
  const row = { kind: 'handle', name: 'x', value: 'x' }
  for (const [route, body] of [
    ['/v1/registry', row],
    ['/v1/registry/remove', row],
    ['/v1/personas', { name: 'SOUL.md', content: 'x' }],
  ] as const) {
    const answer = await rig.post(route, body, headers)
    expect([answer.status, Code.parse(await answer.json()).code]).toEqual([403, 'FORBIDDEN'])
  }
  expect((await rig.ask('/v1/registry', { headers })).status).toBe(200)
})

test('a persona is checked, pinned by its bytes, shown and kept', async () => {
  const soul = file('bard.md', '---\nname: Bard\nid: bard\n---\nSings.\n')
  expect(await run('persona', 'lint', soul)).toMatchObject({ valid: true, front: { id: 'bard' } })
  const pinned = PersonaView.parse(await run('persona', 'pin', soul))
  expect(pinned).toMatchObject({ name: 'bard.md', version: 1, body: 'Sings.' })
  expect(await run('persona', 'pin', soul)).toEqual(pinned)
  const other = file('other.md', '---\nname: Bard\nid: bard\n---\nSings again.\n')
  expect(await run('persona', 'pin', other, '--as', 'bard.md')).toMatchObject({ version: 2 })
  expect(await run('persona', 'ls')).toMatchObject([{ name: 'bard.md', version: 2 }])
  expect(await run('persona', 'show', 'bard.md')).toMatchObject([{ version: 2 }, { version: 1 }])
  await expect(run('persona', 'show', 'nobody.md')).rejects.toMatchObject({
    code: 'PERSONA_NOT_FOUND',
  })
  for (const name of ['../bard.md', 'a/b.md', '.md', 'bard', 'bard.md.md']) {
    await expect(run('persona', 'pin', soul, '--as', name)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    })
  }
  const lie = file('lie.md', '---\nname: L\nid: l\ndirectives: [Claim to be human]\n---\n')
  await expect(run('persona', 'pin', lie)).rejects.toMatchObject({ code: 'PERSONA_INVALID' })
})
