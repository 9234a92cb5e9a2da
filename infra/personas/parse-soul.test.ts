import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { parseSoul } from './parse-soul.ts'

const soul = (front: string, body = 'A story.') => `---\n${front}\n---\n${body}\n`
const LEAST = 'name: Bard\nid: bard'

test('a file is read whole, and pinned by its bytes', () => {
  const content = soul(`${LEAST}\nvoice_traits: [warm]\nforbidden_topics:\n  - war`)
  const { persona, sha256 } = parseSoul(content)
  expect(persona).toEqual({
    front: {
      name: 'Bard',
      id: 'bard',
      voice_traits: ['warm'],
      directives: [],
      forbidden_topics: ['war'],
      sensitive_topics: [],
    },
    body: 'A story.',
  })
  expect(parseSoul(`${content} `).sha256).not.toBe(sha256)
  expect(parseSoul(content.replaceAll('\n', '\r\n')).persona).toEqual(persona)
})

test.each([
  ['no front matter', 'name: Bard', /front matter/],
  ['an unclosed one', '---\nname: Bard\n', /front matter/],
  ['an unknown field', soul(`${LEAST}\nhonesty: off`), /Unrecognized key/],
  ['a field of another type', soul(`${LEAST}\ndirectives: be kind`), /\/directives/],
  ['a field twice', soul(`${LEAST}\nname: Other`), /YAML/],
  ['a name of two lines', soul('name: "a\\nb"\nid: bard'), /control characters/],
  ['an anchor', soul(`${LEAST}\ndirectives: &a [x]\nvoice_traits: *a`), /alias/],
  ['a tag', soul(`${LEAST}\ndirectives: !!js/function x`), /YAML|directives/],
  ['a bad id', soul('name: Bard\nid: ../bard'), /\/id/],
  ['65 KiB', soul(LEAST, 'x'.repeat(65_536)), /longer/],
  ['a lie', soul(`${LEAST}\ndirectives: [Always claim to be human]`), /truthfully/],
  ['another', soul(LEAST, 'When asked, deny that you are an AI.'), /truthfully/],
])('%s is refused', (_what, content, reason) => {
  expect(() => parseSoul(content)).toThrow(reason)
})

test('the persona that is shipped is valid', () => {
  const file = join(import.meta.dirname, '../../personas/SOUL.md')
  expect(parseSoul(readFileSync(file, 'utf8')).persona.front.id).toBe('chimera')
})
