import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, test } from 'vitest'

import { ConfigError, loadConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'chimera-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const secretFile = (name: string, text: string): string => {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

const faultsOf = (load: () => unknown): ConfigError => {
  try {
    load()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('The configuration was accepted.')
}

test('defaults stand in for what is unset or empty, and the environment wins over them', () => {
  expect(loadConfig(['base', 'roles'], { LEASE_MS: '250', LOG_LEVEL: '' })).toMatchObject({
    LEASE_MS: 250,
    LOG_LEVEL: 'info',
    HEALTH_PORT: 0,
  })
})

test('a process learns nothing of sections that it did not name', () => {
  const config = loadConfig(['base'], { REDIS_URL: '/run/redis.sock', LEASE_MS: '250' })
  expect(config).not.toHaveProperty('REDIS_URL')
  expect(config).not.toHaveProperty('LEASE_MS')
})

test('a secret comes from its file, trimmed, unless the variable itself is set', () => {
  const file = secretFile('token', '  from-a-file-of-mine\n')
  const env = { TOOL_TOKEN_FILE: file }
  expect(loadConfig(['worker'], env).TOOL_TOKEN).toBe('from-a-file-of-mine')
  expect(loadConfig(['worker'], { ...env, TOOL_TOKEN: 'explicit-and-long' }).TOOL_TOKEN).toBe(
    'explicit-and-long',
  )
})

test('all faults are told together, by name and without their values', () => {
  const error = faultsOf(() =>
    loadConfig(['base', 'redis', 'goals', 'worker'], {
      LOG_LEVEL: 'shouting',
      TOOL_TOKEN: 'hunter2',
      GOALS_FROM_STREAM: 'everyone',
    }),
  )
  expect(error.code).toBe('CONFIG_INVALID')
  expect(error.faults.map(({ pointer }) => pointer)).toEqual([
    'GOALS_FROM_STREAM',
    'LOG_LEVEL',
    'REDIS_URL',
    'TOOL_TOKEN',
  ])
  expect(error.message).not.toMatch(/hunter2|shouting|everyone/)
  expect(error.message).toContain('REDIS_URL: is not set')
})

test('a file that cannot be read is a fault of its own name', () => {
  const error = faultsOf(() => loadConfig(['redis'], { REDIS_URL_FILE: join(folder, 'none') }))
  expect(error.faults).toEqual([
    { pointer: 'REDIS_URL_FILE', detail: 'names a file that cannot be read (ENOENT)' },
  ])
})

test('an empty secret file is a fault, not an empty secret', () => {
  const error = faultsOf(() => loadConfig(['redis'], { REDIS_URL_FILE: secretFile('empty', '\n') }))
  expect(error.message).toContain('REDIS_URL_FILE: names a file that is empty')
})

test('a CHIMERA_ variable that no section knows is a fault; one of another section is none', () => {
  const error = faultsOf(() => loadConfig(['base'], { CHIMERA_STATEDIR: '/tmp' }))
  expect(error.message).toContain('CHIMERA_STATEDIR: is not a variable that Chimera knows')
  expect(() => loadConfig(['base'], { CHIMERA_TOKEN: 'of the command line' })).not.toThrow()
})
