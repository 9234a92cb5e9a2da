import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { expect, test } from 'vitest'

import { findSocketPath } from './socket-path.ts'

const long = `/${'x'.repeat(120)}/redis.sock`

test('a short path is taken as it is', async () => {
  expect(await findSocketPath('/srv/state/redis.sock', '/elsewhere/redis.sock')).toBe(
    '/srv/state/redis.sock',
  )
})

test('a path of 107 bytes fits, one of 108 does not, whatever its letters', async () => {
  const fits = `/${'x'.repeat(106)}`
  expect(await findSocketPath(fits)).toBe(process.platform === 'darwin' ? expect.anything() : fits)
  const made = await findSocketPath(`/${'ü'.repeat(50)}/a.sock`)
  expect(Buffer.byteLength(made)).toBeLessThanOrEqual(103)
  rmSync(path.dirname(made), { recursive: true })
})

test('a long one becomes a file in a private folder, the same at the next start', async () => {
  const first = await findSocketPath(long)
  expect(path.basename(first)).toBe('redis.sock')
  expect(statSync(path.dirname(first)).mode & 0o777).toBe(0o700)
  expect(await findSocketPath(long, first)).toBe(first)
  rmSync(path.dirname(first), { recursive: true })
})

test('a remembered folder that others may enter is not taken', async () => {
  const open = mkdtempSync(path.join(tmpdir(), 'open-'))
  chmodSync(open, 0o755)
  const made = await findSocketPath(long, path.join(open, 'redis.sock'))
  expect(path.dirname(made)).not.toBe(open)
  for (const folder of [open, path.dirname(made)]) rmSync(folder, { recursive: true })
})
