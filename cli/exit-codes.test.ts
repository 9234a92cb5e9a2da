import {
  ChimeraError,
  ConflictError,
  DeniedError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { expect, test } from 'vitest'

import { CliExit, exitCodeOf } from './exit-codes.ts'

test.each([
  [new CliExit(5), 5],
  [new Error('anything'), 1],
  [new TerminalError('GOAL_NOT_FOUND', ''), 3],
  [new DeniedError('NEEDS_APPROVAL', ''), 4],
  [new ConflictError('GOAL_ID_CONFLICT', ''), 6],
  [new DeniedError('BUDGET_EXHAUSTED', ''), 7],
  [new RetryableError('UNAVAILABLE', ''), 69],
  [new RetryableError('TOOL_FAILED', ''), 75],
  [new DeniedError('UNAUTHENTICATED', ''), 77],
  [new TerminalError('CONFIG_INVALID', ''), 78],
  [new ChimeraError('INPUT_INVALID', ''), 1],
  ['a thrown string', 1],
])('%s ends with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})
