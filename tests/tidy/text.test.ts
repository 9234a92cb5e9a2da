import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { expectNone } from '../expect-none.ts'
import { CHECKOUT, listFiles } from '../source-tree.ts'
import { mentionsOf } from './check-documents.ts'
import { checkText } from './check-text.ts'

const read = (path: string) => ({ path, text: readFileSync(join(CHECKOUT, path), 'utf8') })
const texts = listFiles('**/*')
  .filter((path) => !path.endsWith('.png') && statSync(join(CHECKOUT, path)).isFile())
  .map(read)
const documents = texts.filter(({ path }) => /^[A-Z]+\.md$|^docs\/.*\.md$/.test(path))
/** The first folders of the checkout, and those of the design that are not laid yet. */
const folders = [...new Set(texts.map(({ path }) => path.split('/')[0] ?? '')), 'bench', 'k8s']

test('no file holds an open end, a path of one machine or the host of a registry', () => {
  expect(texts.length).toBeGreaterThan(0)
  expectNone(texts.flatMap((file) => checkText(file)))
})

test('every path that a document names exists', () => {
  const missing = documents
    .flatMap((document) => mentionsOf(document, folders))
    .filter(({ path }) => !exists(path))
    .map(({ document, line, path }) => `${document}:${line} names ${path}`)
  expectNone(missing)
})

function exists(path: string): boolean {
  return path.includes('*') ? listFiles(path).length > 0 : existsSync(join(CHECKOUT, path))
}

describe('the laws of text bite', () => {
  const task = ['TO', 'DO'].join('')
  test.each([
    `// ${task}: later`,
    `// ${['FIX', 'ME'].join('')}`,
    `open('${['', 'home', 'ann', 'a'].join('/')}')`,
    `cd ${['', 'root', 'a'].join('/')}`,
    ['', 'work', 'main'].join('/'),
    `https://${['registry', 'npmjs', 'org'].join('.')}/a`,
  ])('%s', (text) => {
    expect(checkText({ path: 'a.ts', text: `\n${text}\n` })).toHaveLength(1)
  })
  test.each([`// ${task} #12: later`, `// ${task}(#12)`, 'infra/home/a', '"$HOME/work/main"'])(
    'but not %s',
    (text) => {
      expect(checkText({ path: 'a.ts', text })).toEqual([])
    },
  )

  test('a document that names a path that is not there is found', () => {
    const text = 'See `infra/nowhere.ts`, [that](../nowhere.md#part) and `NOWHERE.md`.'
    const mentions = mentionsOf({ path: 'docs/a.md', text }, ['infra'])
    expect(mentions.map(({ path }) => path)).toEqual([
      'nowhere.md',
      'infra/nowhere.ts',
      'NOWHERE.md',
    ])
    expect(mentions.filter(({ path }) => exists(path))).toEqual([])
  })

  test('what is no path of the repository is left alone', () => {
    const text =
      'Type `./chimera up`, `a/b`, `docs/decisions/NNNN-*.md`, `roles/<role>/main.ts`, `a.b()`.'
    expect(mentionsOf({ path: 'README.md', text }, ['docs', 'roles'])).toEqual([])
    expect(mentionsOf({ path: 'README.md', text: '[a](https://b.c/d)' }, [])).toEqual([])
  })
})
