import { join } from 'node:path'

import { CONFIG_SECTIONS, SECRET_NAMES } from '@chimera/contracts/config'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { CHECKOUT } from '../source-tree.ts'
import { renderEnvExample } from './render-env-example.ts'

test('.env.example is the schema of the environment', async () => {
  await expect(renderEnvExample(CONFIG_SECTIONS, SECRET_NAMES)).toMatchFileSnapshot(
    join(CHECKOUT, '.env.example'),
  )
})

test('every variable of every section is in it, with its values and its default', () => {
  const sections = {
    base: z.object({ LEVEL: z.enum(['low', 'high']).default('low').describe('how loud') }),
    door: z.object({ KEY: z.string().describe('what opens'), LEVEL: z.string().optional() }),
  }
  expect(renderEnvExample(sections, ['KEY']).split('\n').slice(3)).toEqual([
    '',
    '## base',
    '# how loud (low | high)',
    '#LEVEL=low',
    '',
    '## door',
    '# what opens (no default; or as a file: <NAME>_FILE)',
    '#KEY=',
    '# LEVEL',
    '# LEVEL: named above',
    '',
  ])
})
