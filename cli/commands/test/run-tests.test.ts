import { expect, test } from 'vitest'

import { runTests } from './run-tests.ts'

test('a project that does not exist is a wrong usage, and nothing runs', async () => {
  const errors: string[] = []
  const status = await runTests(
    { only: ['unit', 'nowhere'] },
    { env: {}, out: () => {}, err: (line) => errors.push(line) },
  )
  expect(status).toBe(2)
  expect(errors.join()).toContain('There is no project nowhere; there are unit, conformance')
})
