import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { expectNone } from '../expect-none.ts'
import { CHECKOUT, isTest, readTree } from '../source-tree.ts'

/** Ten times what all modules take on a slow machine; a module that hangs is found by it. */
const DEADLINE_MS = 30_000

/** The effects of importing the modules, in a process of its own, which has to end by itself. */
function effectsOf(modules: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'chimera-import-'))
  try {
    const [list, report] = [join(folder, 'modules'), join(folder, 'report.json')]
    writeFileSync(list, modules.join('\n'))
    const child = spawnSync(
      process.execPath,
      [join(import.meta.dirname, 'import-quietly.ts'), list, report],
      // No pipes: one that a library looks at would count as opened.
      { cwd: CHECKOUT, timeout: DEADLINE_MS, stdio: 'ignore' },
    )
    const effects = z.array(z.string()).parse(JSON.parse(readFileSync(report, 'utf8')))
    return [...effects, ...(child.status === 0 ? [] : ['the process does not end by itself'])]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test(
  'importing a module has no effect',
  () => {
    const { packages, sources } = readTree()
    // In the order of the floors, so that an effect is laid at the door of the module that has it.
    const modules = packages.flatMap(({ folder }) =>
      sources
        .map(({ path }) => path)
        .filter((path) => path.startsWith(`${folder}/`) && !isTest(path))
        .filter((path) => basename(path) !== 'main.ts'),
    )
    expect(modules.length).toBeGreaterThan(0)
    expectNone(effectsOf(modules.map((path) => join(CHECKOUT, path))))
  },
  DEADLINE_MS,
)

test.each([
  ['loud', /wrote output: imported/],
  ['listener', /listens to the process: .*SIGTERM/],
  ['environment', /changed the environment/],
  ['throws', /throws: Error: imported/],
  ['timer', /opened a resource: .*Timeout/],
])('a module that is %s on import is found', (name, effect) => {
  const module = join(import.meta.dirname, 'fixtures', name, `${name}.ts`)
  const [found, end] = effectsOf([module])
  expect(found).toMatch(effect)
  expect(end).toBe(name === 'timer' ? 'the process does not end by itself' : undefined)
})

test('a module without effect passes', () => {
  expect(effectsOf([join(import.meta.dirname, 'fixtures', 'calm', 'calm.ts')])).toEqual([])
})
