import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

test('a key is found while the file holds it, and not a moment longer', () => {
  const [one, two] = [createKey(), createKey()]
  writeKeySet(file, [one])
  const keys = openGrantKeys({ file, onFault: () => {} })
  const found = keys.find(one.kid)
  expect(found?.kid).toBe(one.kid)
  if (found === undefined) return
  expect(keys.holds(found)).toBe(true)
  writeKeySet(file, [one, two])
  expect(keys.holds(found)).toBe(true)
  expect(keys.find(two.kid)?.kid).toBe(two.kid)
  writeKeySet(file, [two])
  expect(keys.holds(found)).toBe(false)
  expect(keys.find(one.kid)).toBeUndefined()
})

test('another key under the same name is another key', () => {
  const one = createKey('same')
  writeKeySet(file, [one])
  const keys = openGrantKeys({ file, onFault: () => {} })
  const found = keys.find('same')
  writeKeySet(file, [createKey('same')])
  expect(found && keys.holds(found)).toBe(false)
})

test('a file that is broken or gone holds no keys, and comes back', () => {
  const faults: unknown[] = []
  const one = createKey()
  writeKeySet(file, [one])
  const keys = openGrantKeys({ file, onFault: (fault) => faults.push(fault) })
  expect(keys.find(one.kid)).toBeDefined()
  writeFileSync(file, '{"keys": [')
  expect(keys.find(one.kid)).toBeUndefined()
  rmSync(file)
  expect(keys.find(one.kid)).toBeUndefined()
  expect(faults.length).toBeGreaterThanOrEqual(2)
  writeKeySet(file, [one])
  expect(keys.find(one.kid)).toBeDefined()
})
