import { describe, expect, test } from 'vitest'

import { expectNone } from '../expect-none.ts'
import { parseSource, readTree } from '../source-tree.ts'
import { checkPaths, checkTypeNames } from './check-names.ts'
import { checkSizes } from './check-sizes.ts'
import { countCodeLines } from './code-lines.ts'

const { sources } = readTree()
const source = (path: string, text: string) => parseSource({ path, text })
const lines = (count: number) => 'f()\n'.repeat(count)

test('files, functions, lines and folders keep to the size laws', () => {
  expectNone(checkSizes(sources))
})

test('files and folders have names that say something', () => {
  const own = sources.map(({ path }) => path).filter((path) => path !== 'vitest.config.ts')
  expectNone(checkPaths(own))
})

test('types are named after what they are', () => {
  expectNone(checkTypeNames(sources))
})

describe('the size laws bite', () => {
  test.each([
    ['infra/a.ts', 300],
    ['roles/judge/main.ts', 80],
    ['infra/a.test.ts', 500],
  ])('%s may have %i lines of code, and no more', (path, most) => {
    expect(checkSizes([source(path, lines(most))])).toEqual([])
    expect(checkSizes([source(path, `// free\n\n${lines(most)}`)])).toEqual([])
    expect(checkSizes([source(path, lines(most + 1))])).toHaveLength(1)
  })

  test.each(['function f() {\n%}', 'const f = () => {\n%}', 'class A { m() {\n%} }'])(
    'a function has at most 70 lines: %s',
    (shape) => {
      expect(checkSizes([source('a.ts', shape.replace('%', lines(68)))])).toEqual([])
      expect(checkSizes([source('a.ts', shape.replace('%', lines(69)))])).toHaveLength(1)
    },
  )

  test('a line has at most 100 columns', () => {
    expect(checkSizes([source('a.ts', `'${'a'.repeat(98)}'`)])).toEqual([])
    expect(checkSizes([source('a.ts', `'${'a'.repeat(99)}'`)])).toEqual([
      'a.ts:1 is 101 columns wide',
    ])
  })

  test('a folder has at most 20 sources, and tests are free', () => {
    const files = Array.from({ length: 20 }, (_, n) => source(`infra/a${n}.ts`, ''))
    const beside = files.map(({ path }) => source(path.replace('.ts', '.test.ts'), ''))
    expect(checkSizes([...files, ...beside])).toEqual([])
    expect(checkSizes([...files, source('infra/b.ts', '')])).toEqual(['infra holds 21 sources'])
  })
})

test.each([
  ['// a\n/* b\nc */\nf() // d\n', 1],
  ['f("//")\n', 1],
  ['f(`\n// text\n`)\n', 3],
  ['f(/[/]*/)\n\n', 1],
  ['/* a */ f()', 1],
  ['f(a / b) /* c\n*/\n', 1],
])('of %j, %i lines are code', (text, count) => {
  expect(countCodeLines(source('a.ts', text))).toBe(count)
})

describe('the laws of names bite', () => {
  test.each(['utils', 'lib', 'helpers', 'common', 'misc', 'core', 'shared'])('%s', (name) => {
    expect(checkPaths([`infra/${name}.ts`])).toHaveLength(1)
    expect(checkPaths([`infra/${name}/a.ts`])).toHaveLength(1)
  })
  test.each(['infra/index.ts', 'infra/taskStore.ts', 'infra/Task.ts', 'infra/task_store.ts'])(
    '%s',
    (path) => {
      expect(checkPaths([path])).toHaveLength(1)
    },
  )
  test.each([
    'type TaskData = 1',
    'interface TaskInfo {}',
    'class TaskManager {}',
    'export class TaskService {}',
    'const TaskBase = z.object({})',
    'type TaskImpl = 1',
    'type TaskHelper = 1',
  ])('%s', (text) => {
    expect(checkTypeNames([source('a.ts', text)])).toHaveLength(1)
  })
  test.each(['type Metadata = 1', 'type Database = 1', 'const rowData = 1', 'const taskInfo = 1'])(
    'but not %s',
    (text) => {
      expect(checkTypeNames([source('a.ts', text)])).toEqual([])
    },
  )
})
