import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { CHECKOUT } from '../source-tree.ts'

const Entry = z.object({
  hasInstallScript: z.boolean().default(false),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().default(false),
  name: z.string().optional(),
})
const LockFile = z.object({ packages: z.record(z.string(), Entry) })
const Manifest = z.object({ allowScripts: z.record(z.string(), z.boolean()) })

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(CHECKOUT, path), 'utf8'))
const lockFile = LockFile.parse(readJson('package-lock.json'))

/** Packages of the lock that bring an install script. */
function scripted({ packages }: z.infer<typeof LockFile>): string[] {
  return Object.entries(packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => nameOf(path))
    .toSorted()
}

/** Packages of the lock that name a host, or are not bound to one content by their hash. */
function unbound({ packages }: z.infer<typeof LockFile>): string[] {
  return Object.entries(packages)
    .filter(([path, { link }]) => path.startsWith('node_modules/') && !link)
    .filter(([, { resolved, integrity }]) => resolved !== undefined || integrity === undefined)
    .map(([path]) => nameOf(path))
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

test('every package with an install script was reviewed', () => {
  const { allowScripts } = Manifest.parse(readJson('package.json'))
  expect(scripted(lockFile)).toEqual(Object.keys(allowScripts).toSorted())
})

test.each(['.', 'mcp-tools/wallet'])('every package is bound by its hash: %s', (folder) => {
  const lock = LockFile.parse(readJson(join(folder, 'package-lock.json')))
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
  expect(unbound(lock)).toEqual([])
})

test('what the wallet and the checkout both name is the same version', () => {
  const lock = LockFile.parse(readJson('mcp-tools/wallet/package-lock.json'))
  for (const name of ['zod', '@noble/hashes']) {
    const path = `node_modules/${name}`
    expect(lock.packages[path]?.integrity, name).toBe(lockFile.packages[path]?.integrity)
    expect(lock.packages[path]?.integrity, name).toBeDefined()
  }
})

test('a package with a script, a host or without a hash is found', () => {
  const bad = LockFile.parse({
    packages: {
      'node_modules/a': { hasInstallScript: true, integrity: 'sha512-a' },
      'node_modules/a/node_modules/@b/c': { integrity: 'sha512-b', resolved: 'https://d' },
      'node_modules/e': {},
      'node_modules/f': { link: true, resolved: 'f' },
    },
  })
  expect(scripted(bad)).toEqual(['a'])
  expect(unbound(bad)).toEqual(['@b/c', 'e'])
})
