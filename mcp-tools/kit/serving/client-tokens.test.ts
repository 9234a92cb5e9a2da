import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

import { sha256 } from '@chimera/contracts/canonical'
import { newId } from '@chimera/contracts/ids'
import type { ToolClient } from '@chimera/contracts/tool-clients'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { openClientTokens } from './client-tokens.ts'

let folder = ''
let file = ''
let faults: unknown[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-tokens-'))
  file = join(folder, 'clients.json')
  faults = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const NOW = Date.parse('2026-11-21T12:00:00Z')
const tokens = () =>
  openClientTokens({
    file,
    audience: ['tweet', 'x-live'],
    now: () => NOW,
    onFault: (cause) => void faults.push(cause),
  })
const client = (secret: string, other: Partial<ToolClient> = {}): ToolClient => ({
  id: newId(),
  name: 'desk',
  hash: sha256(secret),
  servers: ['tweet'],
  scopes: ['tweet:read'],
  created_at: '2026-11-21T00:00:00.000Z',
  expires_at: '2026-11-21T12:00:00.001Z',
  ...other,
})
const write = (clients: unknown, mode = 0o600): void => {
  rmSync(file, { force: true })
  writeFileSync(file, JSON.stringify({ version: 1, clients }))
  chmodSync(file, mode)
}

test('a token is known by its hash, for this server or this account', () => {
  write([client('one'), client('two', { servers: ['x-live'] })])
  expect(tokens().find('one')).toMatchObject({ name: 'desk', scopes: ['tweet:read'] })
  expect(tokens().find('two')).toBeDefined()
  expect(tokens().find('three')).toBeUndefined()
  // Whoever has read the file has the hash, and it opens nothing.
  expect(tokens().find(sha256('one'))).toBeUndefined()
})

test('a token of another server, and one that has just ended, is nobody’s', () => {
  write([
    client('other', { servers: ['wallet', 'x-other'] }),
    client('over', { expires_at: '2026-11-21T12:00:00.000Z' }),
  ])
  expect(tokens().find('other')).toBeUndefined()
  expect(tokens().find('over')).toBeUndefined()
})

test('what is taken out of the file is refused at once, and what is put in let in', async () => {
  const known = tokens()
  expect(known.find('one')).toBeUndefined()
  write([client('one')])
  await turn()
  expect(known.find('one')).toBeDefined()
  write([client('two')])
  await turn()
  expect(known.find('one')).toBeUndefined()
  expect(known.find('two')).toBeDefined()
  rmSync(file)
  await turn()
  expect(known.find('two')).toBeUndefined()
  expect(faults).toEqual([])
})

test.each([
  ['is broken', () => writeFileSync(file, '{')],
  ['is of another version', () => writeFileSync(file, '{"version":2,"clients":[]}')],
  ['may be written by others', () => write([client('one')], 0o666)],
  ['holds a token without an end', () => write([{ ...client('one'), expires_at: undefined }])],
])('a file that %s lets nobody in and says so once', async (_title, spoil) => {
  write([client('one')])
  const known = tokens()
  expect(known.find('one')).toBeDefined()
  rmSync(file)
  spoil()
  await turn()
  expect(known.find('one')).toBeUndefined()
  expect(known.find('one')).toBeUndefined()
  expect(faults).toHaveLength(1)
})
