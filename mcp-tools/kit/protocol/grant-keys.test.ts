import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createKey, writeKeySet } from '../testing/test-judge.ts'
import { openGrantKeys } from './grant-keys.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-keys-'))
  file = join(folder, 'jwks.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a key is found while the file holds it, and not a turn longer', async () => {
  const [one, two] = [createKey(), createKey()]
  writeKeySet(file, [one])
  const keys = openGrantKeys({ file, onFault: () => {} })
  const found = keys.find(one.kid)
  expect(found?.kid).toBe(one.kid)
  if (found === undefined) return
  expect(keys.holds(found)).toBe(true)
  writeKeySet(file, [one, two])
  await turn()
  expect(keys.holds(found)).toBe(true)
  expect(keys.find(two.kid)?.kid).toBe(two.kid)
  writeKeySet(file, [two])
  await turn()
  expect(keys.holds(found)).toBe(false)
  expect(keys.find(one.kid)).toBeUndefined()
})

test('another key under the same name is another key', async () => {
  const one = createKey('same')
  writeKeySet(file, [one])
  const keys = openGrantKeys({ file, onFault: () => {} })
  const found = keys.find('same')
  writeKeySet(file, [createKey('same')])
  await turn()
  expect(found && keys.holds(found)).toBe(false)
})

test('a file that is broken or gone holds no keys, and comes back', async () => {
  const faults: unknown[] = []
  const one = createKey()
  writeKeySet(file, [one])
  const keys = openGrantKeys({ file, onFault: (fault) => faults.push(fault) })
  expect(keys.find(one.kid)).toBeDefined()
  writeFileSync(file, '{"keys": [')
  await turn()
  expect(keys.find(one.kid)).toBeUndefined()
  rmSync(file)
  await turn()
  expect(keys.find(one.kid)).toBeUndefined()
  expect(faults.length).toBeGreaterThanOrEqual(2)
  writeKeySet(file, [one])
  await turn()
  expect(keys.find(one.kid)).toBeDefined()
})
