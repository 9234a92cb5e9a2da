import {
  ERROR_CODES,
  InvariantError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { describe, expect, it } from 'vitest'

import { problemOf } from './problem.ts'

const at = { instance: '/v1/goals', traceId: 'f'.repeat(32) }

describe('a problem', () => {
  it('has everything that RFC 9457 and this house ask for', () => {
    const faults = [{ pointer: '/text', detail: 'is missing' }]
    const error = new TerminalError('INPUT_INVALID', 'The goal is not valid.', { faults })
    expect(problemOf(error, at)).toEqual({
      status: 422,
      headers: {},
      problem: {
        type: 'urn:chimera:problem:input-invalid',
        title: ERROR_CODES.INPUT_INVALID.title,
        status: 422,
        detail: 'The goal is not valid.',
        code: 'INPUT_INVALID',
        instance: '/v1/goals',
        errors: faults,
        trace_id: 'f'.repeat(32),
        retryable: false,
      },
    })
  })

  it('of an error that nobody threw on purpose keeps its words to itself', () => {
    for (const error of [new Error('password=hunter2'), new InvariantError('hunter2'), 'hunter2']) {
      const answer = problemOf(error, at)
      expect(answer.status).toBe(500)
      expect(JSON.stringify(answer)).not.toContain('hunter2')
    }
  })

  it('says when to come again, in whole seconds', () => {
    const error = new RetryableError('RATE_LIMITED', 'Slowly.', { retryAfterMs: 1_200 })
    expect(problemOf(error, at)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '2' },
      problem: { retryable: true },
    })
  })
})
