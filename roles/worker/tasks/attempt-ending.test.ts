import {
  ApprovalRequiredError,
  CancelledError,
  ConflictError,
  DeniedError,
  InvariantError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { expect, test } from 'vitest'

import { endingOfError } from './attempt-ending.ts'
import { sampleTask } from './sample-task.ts'

/** The middle of the jitter. */
const ending = (error: unknown, retries = 0) =>
  endingOfError(sampleTask({ retries }), error, () => 0.5)

test.for<[string, unknown, object]>([
  [
    'what may pass is tried again later',
    new RetryableError('UNAVAILABLE', 'away'),
    { to: 'ready', spendsRetry: true, delayMs: 500 },
  ],
  [
    'a time that was asked for is kept',
    new RetryableError('UPSTREAM_RATE_LIMITED', 'slow', { retryAfterMs: 90_000 }),
    { to: 'ready', spendsRetry: true, delayMs: 90_000 },
  ],
  [
    'a cooldown spends nothing',
    new RetryableError('COOLDOWN_ACTIVE', 'soon', { retryAfterMs: 90_000 }),
    { to: 'ready', spendsRetry: false, delayMs: 90_000 },
  ],
  [
    'a conflict is tried again',
    new ConflictError('VERSION_CONFLICT', 'moved'),
    { to: 'ready', spendsRetry: true },
  ],
  ['a defect is tried again', new TypeError('no'), { to: 'ready', spendsRetry: true }],
  ['a stop hands back', new CancelledError('CANCELLED', 'stop'), { spendsRetry: false }],
  [
    'a refusal is final',
    new DeniedError('TOOL_NOT_AVAILABLE', 'none'),
    { to: 'judge', outcome: { kind: 'denied', failure: { code: 'TOOL_NOT_AVAILABLE' } } },
  ],
  [
    'what needs a person is denied',
    new ApprovalRequiredError('NEEDS_APPROVAL', 'who?'),
    { to: 'judge', outcome: { kind: 'denied' } },
  ],
  [
    'what cannot be done is a failure',
    new TerminalError('INPUT_INVALID', 'nonsense'),
    { to: 'judge', outcome: { kind: 'terminal', failure: { code: 'INPUT_INVALID' } } },
  ],
])('%s', ([, error, expected]) => {
  expect(ending(error)).toMatchObject(expected)
})

test('the fifth failure of its own is the last', () => {
  const error = new RetryableError('UNAVAILABLE', 'away')
  expect(ending(error, 3)).toMatchObject({ to: 'ready', spendsRetry: true })
  expect(ending(error, 4)).toMatchObject({
    to: 'judge',
    outcome: {
      kind: 'terminal',
      failure: { code: 'ATTEMPTS_EXHAUSTED', message: 'Tried 5 times; the last error: away' },
    },
  })
})

test('messages fit their row whatever an executor throws', () => {
  const error = new TerminalError('INPUT_INVALID', `\ud800\u0000${'x'.repeat(5_000)}`)
  const { outcome } = { outcome: undefined, ...ending(error) }
  expect(outcome).toMatchObject({ failure: { message: `\ufffd ${'x'.repeat(1_998)}` } })
})

test('a broken assumption ends the process', () => {
  expect(() => ending(new InvariantError('never'))).toThrow(InvariantError)
})
