import { ChimeraError, type ErrorCode } from '@chimera/contracts/errors'

/** What scripts may rely on; 69 and above are those of sysexits.h, 130 that of a shell. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  waiting: 5,
  conflict: 6,
  budgetExhausted: 7,
  unavailable: 69,
  temporary: 75,
  noPermission: 77,
  badConfig: 78,
  interrupted: 130,
} as const

/** Ends a command with a code; the message, when there is one, goes to stderr. */
export class CliExit extends Error {
  readonly code: number

  constructor(code: number, message = '') {
    super(message)
    this.name = 'CliExit'
    this.code = code
  }
}

const byCode: Partial<Record<ErrorCode, number>> = {
  GOAL_NOT_FOUND: EXIT.notFound,
  TASK_NOT_FOUND: EXIT.notFound,
  EFFECT_NOT_FOUND: EXIT.notFound,
  DEAD_LETTER_NOT_FOUND: EXIT.notFound,
  CIRCUIT_NOT_FOUND: EXIT.notFound,
  ROUTE_NOT_FOUND: EXIT.notFound,
  BUDGET_EXHAUSTED: EXIT.budgetExhausted,
  UNAUTHENTICATED: EXIT.noPermission,
  FORBIDDEN: EXIT.noPermission,
  CONFIG_INVALID: EXIT.badConfig,
  UNAVAILABLE: EXIT.unavailable,
  IDEMPOTENCY_KEY_REUSED: EXIT.conflict,
  LEDGER_HELD: EXIT.temporary,
}

/** The exit code of whatever a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliExit) return error.code
  if (!(error instanceof ChimeraError)) return EXIT.failed
  const known = byCode[error.code]
  if (known !== undefined) return known
  switch (error.kind) {
    case 'retryable':
      return EXIT.temporary
    case 'denied':
      return EXIT.refused
    case 'approval-required':
      return EXIT.waiting
    case 'conflict':
      return EXIT.conflict
    case 'terminal':
    case 'cancelled':
    case 'invariant':
      return EXIT.failed
    default:
      return EXIT.failed
  }
}
