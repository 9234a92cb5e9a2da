import { describe, expect, test } from 'vitest'

import { expectNone } from '../expect-none.ts'
import { parseSource, readTree, type SourceTree } from '../source-tree.ts'
import { checkImports, checkUnused } from './check-imports.ts'
import { checkPurity } from './check-purity.ts'
import { EXCEPTIONS } from './rules.ts'

const tree = readTree()

test('every import keeps to the floors, the fences and the manifests', () => {
  expect(tree.sources.length).toBeGreaterThan(0)
  expectNone(checkImports(tree))
})

test('every declared dependency is imported', () => {
  expectNone(checkUnused(tree))
})

test('domain has no clock, no chance and no I/O', () => {
  expectNone(checkPurity(tree.sources))
})

test('every exception is still needed', () => {
  const imported = tree.sources.map(({ path, text }) => ({ path, text }))
  for (const { file, specifier } of EXCEPTIONS) {
    const source = imported.find(({ path }) => path === file)
    expect(source?.text, `${file} no longer imports ${specifier}`).toContain(`'${specifier}'`)
  }
})

describe('the rules bite', () => {
  const packages = [
    { folder: 'contracts', name: '@chimera/contracts', dependencies: ['zod'] },
    { folder: 'domain', name: '@chimera/domain', dependencies: ['@chimera/contracts', 'zod'] },
    {
      folder: 'infra',
      name: '@chimera/infra',
      dependencies: ['@chimera/contracts', 'ioredis', 'pg'],
    },
    {
      folder: 'roles/judge',
      name: '@chimera/judge',
      dependencies: ['@chimera/infra', '@chimera/domain', '@chimera/worker', 'ioredis'],
    },
    { folder: 'roles/worker', name: '@chimera/worker', dependencies: ['@chimera/infra'] },
    {
      folder: 'mcp-tools/tweet',
      name: '@chimera/mcp-tweet',
      dependencies: ['@chimera/mcp-kit', '@chimera/infra', '@modelcontextprotocol/server'],
    },
    { folder: 'mcp-tools/kit', name: '@chimera/mcp-kit', dependencies: [] },
  ]
  const treeOf = (path: string, text: string): SourceTree => ({
    packages,
    tools: ['vitest'],
    sources: [parseSource({ path, text })],
  })

  test.each([
    ['domain/a.ts', `import '@chimera/infra/streams/consumer'`, 'imports infra'],
    ['domain/a.ts', `import { z } from 'zod'`, 'imports zod, which domain may not'],
    ['domain/a.ts', `import 'node:crypto'`, 'imports node:crypto, which domain may not'],
    ['contracts/a.ts', `import 'node:fs'`, 'imports node:fs, which contracts may not'],
    ['contracts/a.ts', `export * from '@chimera/domain/a'`, 'imports domain'],
    ['infra/a.ts', `import type { A } from '@chimera/domain/a'`, 'imports domain'],
    ['roles/judge/a.ts', `await import('@chimera/worker/a')`, 'imports roles/worker'],
    ['mcp-tools/tweet/a.ts', `import '@chimera/infra/a'`, 'imports infra'],
    ['infra/stack/a.ts', `import pg from 'pg'`, 'pg, which lives in infra/database only'],
    ['infra/database/a.ts', `import { Redis } from 'ioredis'`, 'lives in infra/streams only'],
    ['roles/judge/a.ts', `import { Redis } from 'ioredis'`, 'lives in infra/streams only'],
    [
      'mcp-tools/tweet/a.ts',
      `import '@modelcontextprotocol/server/stdio'`,
      'lives in infra/tools and mcp-tools/kit only',
    ],
    ['infra/a.ts', `let a: import('@coinbase/agentkit').A`, 'lives in mcp-tools/wallet only'],
    ['infra/a.ts', `import 'left-pad'`, 'the manifest of @chimera/infra does not name'],
    ['infra/a.ts', `import 'vitest'`, 'the manifest of @chimera/infra does not name'],
    ['infra/a.ts', `import '../domain/a.ts'`, 'leaves its package'],
    ['roles/judge/a.ts', `import '../worker/a.ts'`, 'leaves its package'],
    ['tests/e2e/a.test.ts', `import '../../infra/a.ts'`, 'leaves its package'],
    ['infra/a.ts', `import './b'`, 'without its ending'],
    ['infra/a.ts', `import './b.js'`, 'without its ending'],
    ['infra/a.ts', `import '@chimera/infra/b'`, 'names its own package'],
  ])('%s: %s', (path, text, expected) => {
    expect(checkImports(treeOf(path, text)).join('\n')).toContain(expected)
  })

  test.each([
    ['domain/a.test.ts', `import { test } from 'vitest'; import 'node:fs'`],
    ['infra/streams/a.ts', `import { Redis } from 'ioredis'; import './b.ts'; import 'node:net'`],
    ['tests/faults/a.test.ts', `import pg from 'pg'; import '../guarantee.ts'`],
    ['roles/judge/a.ts', `import '@chimera/domain/a'; import '@chimera/infra/b/c'`],
    ['mcp-tools/tweet/a.ts', `import '@chimera/mcp-kit/server'`],
  ])('but not where it is allowed: %s: %s', (path, text) => {
    expect(checkImports(treeOf(path, text))).toEqual([])
  })

  test('a declared dependency that only a test imports is unused', () => {
    const unused = checkUnused(treeOf('infra/a.test.ts', `import 'ioredis'`))
    expect(unused).toContain('infra: @chimera/infra declares ioredis and imports it nowhere')
    const used = checkUnused(treeOf('infra/a.ts', `import 'ioredis'`))
    expect(used.join('\n')).not.toContain('@chimera/infra declares ioredis')
  })

  test.each([
    'Date.now()',
    'new Date()',
    'Date()',
    'Math.random()',
    'setTimeout(f, 1)',
    'process.env',
    'fetch(url)',
    'crypto.randomUUID()',
    'globalThis.x',
    'const a = { process }',
  ])('domain may not say %s', (text) => {
    expect(checkPurity(treeOf('domain/a.ts', text).sources)).toHaveLength(1)
    expect(checkPurity(treeOf('infra/a.ts', text).sources)).toEqual([])
  })

  test.each(['new Date(0)', 'a.process', 'const a = { fetch: 1 }', 'type A = { console: string }'])(
    'domain may say %s',
    (text) => {
      expect(checkPurity(treeOf('domain/a.ts', text).sources)).toEqual([])
    },
  )
})
