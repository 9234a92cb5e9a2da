import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino'

import { lineCleaner, REDACT_PATHS } from './redaction.ts'

/** One JSON object per line; children carry fields such as `trace_id`. */
export type Logger = PinoLogger

/**
 * A log on standard output (a file, under the supervisor). Lines are written synchronously: the
 * last words before a crash are the ones that matter, and hot paths write one line per batch at
 * most.
 */
export function openLog(options: {
  name: string
  level: string
  /** Values that are censored wherever they stand. */
  secrets?: readonly string[]
  destination?: DestinationStream
}): Logger {
  return pino(
    {
      level: options.level,
      base: { name: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: [...REDACT_PATHS], censor: '[redacted]' },
      serializers: { err: pino.stdSerializers.errWithCause },
      hooks: { streamWrite: lineCleaner(options.secrets ?? []) },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  )
}
