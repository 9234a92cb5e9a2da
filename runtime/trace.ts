import { randomBytes } from 'node:crypto'

/**
 * A W3C trace context (https://www.w3.org/TR/trace-context/), as carried in `envelope.traceparent`.
 */
export type Trace = Readonly<{
  /** 32 lower-case hex digits, the same from the goal to the receipt. */
  traceId: string
  /** 16 lower-case hex digits of the step that caused this one. */
  spanId: string
  isSampled: boolean
}>

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/
const ALL_ZERO = /^0+$/

/** Nothing for a text that is no traceparent: it comes from anyone, and a bad one is no error. */
export function parseTraceparent(text: string | undefined): Trace | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** A step below `parent`, or the first one of a new trace. */
export function nextTrace(parent: Trace | undefined): Trace {
  return {
    traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    isSampled: parent?.isSampled ?? true,
  }
}

export function renderTraceparent(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.isSampled ? '01' : '00'}`
}

/** Fields of a log line. */
export function traceFields(trace: Trace): { trace_id: string; span_id: string } {
  return { trace_id: trace.traceId, span_id: trace.spanId }
}
