import { expect, test } from 'vitest'

import { followSentences } from './told-sentences.ts'

test('what is said to people is told with all of its lines, and nothing else is', () => {
  const isTold = followSentences()
  const lines = [
    'gateway     http://127.0.0.1:7700',
    '  indented, and of nobody',
    'chimera: creating the database (once)',
    'chimera: The configuration is not valid:',
    '  CHIMERA_TYPO: is not a variable that Chimera knows',
    '  LEASE_MS: is not a number',
    '',
    '  after an empty line',
    'Ctrl-C stops everything.',
  ]
  expect(lines.filter(isTold)).toEqual(lines.slice(2, 6))
})

test('a sentence goes on where it was left off', () => {
  const isTold = followSentences()
  expect(['chimera: tweet exited with 78. Its last lines:'].filter(isTold)).toHaveLength(1)
  expect(['    TOOL_ACCOUNT: is not set', '{"level":30}'].filter(isTold)).toHaveLength(1)
})
