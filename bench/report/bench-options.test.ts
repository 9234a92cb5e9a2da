import { expect, test } from 'vitest'
import { z } from 'zod'

import { numberOption, readBenchOptions } from './bench-options.ts'

const Options = z.strictObject({ rounds: numberOption(5), json: z.string().optional() })

test('a number that is not given has its default', () => {
  expect(readBenchOptions(Options, ['--json', 'a.json'])).toEqual({ rounds: 5, json: 'a.json' })
  expect(readBenchOptions(Options, ['--rounds', '9'])).toEqual({ rounds: 9 })
})

test.each([
  [['--rounds', '0'], /rounds/],
  [['--rounds', 'many'], /rounds/],
  [['--round', '3'], /--round/],
  [['3'], /3/],
])('%j is refused by name', (args, name) => {
  expect(() => readBenchOptions(Options, args)).toThrow(name)
})
