import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { sha256 } from '@chimera/contracts/canonical'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { createToolClient, listToolClients, revokeToolClient } from './tool-clients.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tool-clients-'))
  file = path.join(folder, 'clients.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

const wanted = (name: string, expiresAt = new Date(Date.now() + 60_000)) => ({
  name,
  servers: ['tweet'],
  scopes: ['tweet:read'],
  expiresAt,
})

test('a token is kept as its hash, and its file is closed to others', async () => {
  const { client, secret } = await createToolClient(file, wanted('desk'))
  expect(secret).toMatch(/^chimera_tool_[\w-]{43}$/)
  expect(client.hash).toBe(sha256(secret))
  expect(readFileSync(file, 'utf8')).not.toContain(secret)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('writers beside each other lose nothing', async () => {
  const names = Array.from({ length: 8 }, (_, n) => `client-${n}`)
  await Promise.all(names.map(async (name) => createToolClient(file, wanted(name))))
  const listed = await listToolClients(file)
  expect(listed.map(({ name }) => name).toSorted()).toEqual(names)
})

test('a name is revoked with all its tokens, an id alone', async () => {
  const first = await createToolClient(file, wanted('desk'))
  const second = await createToolClient(file, wanted('desk'))
  const other = await createToolClient(file, wanted('other'))
  expect(await revokeToolClient(file, other.client.id)).toEqual([other.client.id])
  expect(await revokeToolClient(file, 'desk')).toEqual([first.client.id, second.client.id])
  expect(await revokeToolClient(file, 'desk')).toEqual([])
  expect(await listToolClients(file)).toEqual([])
})

test('expired tokens are swept out by the next one', async () => {
  await createToolClient(file, wanted('late', new Date(Date.now() - 1)))
  expect(await listToolClients(file)).toHaveLength(1)
  await createToolClient(file, wanted('desk'))
  expect((await listToolClients(file)).map(({ name }) => name)).toEqual(['desk'])
})

test('a file that is not one of ours is not written over', async () => {
  writeFileSync(file, '{"version":2}')
  await expect(createToolClient(file, wanted('desk'))).rejects.toThrow('Invalid input')
  expect(readFileSync(file, 'utf8')).toBe('{"version":2}')
})
