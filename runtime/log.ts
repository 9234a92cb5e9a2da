import {
  pino,
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger as PinoLogger,
} from 'pino'

import { censorFields, lineCleaner } from './redaction.ts'

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
  const log = pino(
    {
      level: options.level,
      base: { name: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        log: (fields) => censorFields(fields),
        bindings: (bindings) => censorFields(bindings),
      },
      // An error shows its fields only here, one level further down.
      serializers: { err: censoredError },
      hooks: { streamWrite: lineCleaner(options.secrets ?? []) },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  )
  censorChildren(log)
  return log
}

/** pino asks the formatters about the fields of a line and of its root, not of a child. */
function censorChildren(log: Logger): void {
  // oxlint-disable-next-line typescript/unbound-method -- called on the log that is asked below
  const { child } = log
  log.child = function censoredChild<Levels extends string = never>(
    this: Logger,
    fields: Bindings,
    options?: ChildLoggerOptions<Levels>,
  ) {
    return child.call<Logger, ChildOf<Levels>, PinoLogger<Levels>>(
      this,
      censorFields(fields),
      options,
    )
  }
}
type ChildOf<Levels extends string> = [fields: Bindings, options?: ChildLoggerOptions<Levels>]

const censoredError = (error: Error): unknown =>
  censorFields({ ...pino.stdSerializers.errWithCause(error) }, 1)
