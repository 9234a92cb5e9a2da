import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { DEFAULT_PERSONA } from '@chimera/domain/persona/default-persona'
import { parseSoul } from '@chimera/infra/personas/parse-soul'
import { expect, test } from 'vitest'

import { CHECKOUT } from '../source-tree.ts'

test('whoever speaks where nobody is pinned is the persona that is shipped as a file', () => {
  const content = readFileSync(join(CHECKOUT, 'personas/SOUL.md'), 'utf8')
  expect(parseSoul(content).persona).toEqual(DEFAULT_PERSONA)
})
