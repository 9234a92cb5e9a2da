import { nextTrace, parseTraceparent, type Trace } from '@chimera/runtime/trace'

/** The step of this request: below the client's, or the first of a new trace. */
export const traceOf = (request: Request): Trace =>
  nextTrace(parseTraceparent(request.headers.get('traceparent') ?? undefined))
