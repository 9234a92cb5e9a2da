import { expect, test } from 'vitest'

import { nextTrace, parseTraceparent, renderTraceparent, traceFields } from './trace.ts'

const TEXT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('a traceparent is read and written as W3C says', () => {
  const trace = parseTraceparent(TEXT)
  expect(trace).toEqual({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    isSampled: true,
  })
  expect(trace && renderTraceparent(trace)).toBe(TEXT)
})

test.each([
  undefined,
  '',
  'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
])('%s is no traceparent', (text) => {
  expect(parseTraceparent(text)).toBeUndefined()
})

test('the next step stays in its trace under a span of its own', () => {
  const parent = parseTraceparent(TEXT)
  const child = nextTrace(parent)
  expect(child.traceId).toBe(parent?.traceId)
  expect(child.spanId).not.toBe(parent?.spanId)
  expect(parseTraceparent(renderTraceparent(child))).toEqual(child)
  expect(traceFields(child)).toEqual({ trace_id: child.traceId, span_id: child.spanId })
})

test('a step without a parent begins a trace', () => {
  expect(nextTrace(undefined).traceId).not.toBe(nextTrace(undefined).traceId)
})
