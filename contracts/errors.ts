/**
 * Errors of the house: few kinds, one table of codes. A kind answers one question: may this be
 * tried again? (conventions.md section 3)
 */

/** What a consumer, an HTTP edge and a tool edge do with an error. */
export type ErrorKind =
  | 'retryable'
  | 'terminal'
  | 'denied'
  | 'approval-required'
  | 'conflict'
  | 'cancelled'
  | 'invariant'

type CodeRow = { readonly kind: ErrorKind; readonly http: number; readonly title: string }

/** Every code that may leave a process: its kind, its HTTP status and a title for people. */
export const ERROR_CODES = {
  // goals and tasks
  GOAL_ID_CONFLICT: row('conflict', 409, 'A goal with this id and other content exists'),
  GOAL_NOT_UNDERSTOOD: row('terminal', 422, 'The goal is not one the planner understands'),
  GOAL_NOT_FOUND: row('terminal', 404, 'No such goal'),
  GOAL_FINISHED: row('conflict', 409, 'The goal has already ended'),
  GOALS_FROM_STREAM_OFF: row('denied', 403, 'Goals from the stream are switched off here'),
  TASK_NOT_FOUND: row('terminal', 404, 'No such task'),
  EFFECT_NOT_FOUND: row('terminal', 404, 'No such effect'),
  DEAD_LETTER_NOT_FOUND: row('terminal', 404, 'No such dead letter'),
  PLAN_INVALID: row('terminal', 422, 'The plan is not a bounded, acyclic graph'),
  NO_PROGRESS: row('terminal', 422, 'Planning again brings nothing new'),
  INPUT_INVALID: row('terminal', 422, 'The input does not fit its schema'),
  BODY_INVALID: row('terminal', 400, 'The body is not valid JSON'),
  BODY_TOO_LARGE: row('terminal', 413, 'The body is too large'),
  MEDIA_TYPE_UNSUPPORTED: row('terminal', 415, 'The content type is not supported'),
  METHOD_NOT_ALLOWED: row('terminal', 405, 'The method is not allowed here'),
  ROUTE_NOT_FOUND: row('terminal', 404, 'There is nothing at this path'),
  ENTRY_MALFORMED: row('terminal', 422, 'The stream entry could not be read'),
  ENTRY_TOO_LARGE: row('terminal', 413, 'The stream entry is too large'),
  TENANT_FORBIDDEN: row('denied', 403, 'The entry names a tenant that is not its own'),
  IDEMPOTENCY_KEY_INVALID: row('terminal', 400, 'The idempotency key is not valid'),
  IDEMPOTENCY_KEY_REUSED: row('terminal', 422, 'The idempotency key came with another body'),
  CURSOR_INVALID: row('terminal', 400, 'The cursor is not one of ours'),
  ATTEMPTS_EXHAUSTED: row('terminal', 422, 'All attempts of the task are used up'),
  PARENT_FAILED: row('terminal', 422, 'A task that this one depends on has failed'),
  CANCELLED: row('cancelled', 409, 'The work was cancelled'),
  EXECUTOR_MISSING: row('terminal', 422, 'No executor exists for this kind of task'),
  // judging
  NEEDS_APPROVAL: row('denied', 403, 'A person has to approve this'),
  APPROVAL_NOT_FOUND: row('terminal', 404, 'No such approval'),
  APPROVAL_DECIDED: row('conflict', 409, 'The approval has been decided already'),
  APPROVAL_EXPIRED: row('denied', 403, 'The time to approve is over'),
  APPROVAL_REJECTED: row('denied', 403, 'A person rejected this'),
  APPROVAL_REFUSED: row('denied', 403, 'This person may not decide this'),
  CONFIDENCE_TOO_LOW: row('denied', 403, 'The confidence is below 0.70'),
  BUDGET_EXHAUSTED: row('denied', 402, 'The budget does not cover this'),
  POLICY_DENIED: row('denied', 403, 'A rule of the policy denies this'),
  POLICY_NO_RULE: row('denied', 403, 'No rule of the policy allows this'),
  POLICY_UNDECIDABLE: row('denied', 403, 'It cannot be told whether a rule of the policy applies'),
  POLICY_INPUT_INVALID: row('denied', 403, 'What the policy looks at has no canonical form'),
  POLICY_UNAVAILABLE: row('denied', 403, 'There is no policy that can be read'),
  POLICY_INVALID: row('terminal', 422, 'The document is no policy'),
  POLICY_NOT_FOUND: row('terminal', 404, 'No such version of the policy'),
  DECISION_NOT_FOUND: row('terminal', 404, 'The policy decided no such effect'),
  SLOT_UNKNOWN: row('denied', 403, 'The frozen plan names no such effect slot'),
  PROVENANCE_MISMATCH: row('denied', 403, 'An argument is not where its pointer says'),
  TOPIC_FORBIDDEN: row('denied', 403, 'The persona never writes about this'),
  SENSITIVE_TOPIC: row('denied', 403, 'A person decides on texts about this'),
  HONESTY_REQUIRED: row('denied', 403, 'The text would pass for a human’s'),
  AI_LABEL_REQUIRED: row('denied', 403, 'What the swarm posts is labelled as made by an AI'),
  CITATION_MISSING: row('denied', 403, 'The text names no source'),
  PERSONA_INVALID: row('terminal', 422, 'The persona file is not valid'),
  PERSONA_NOT_FOUND: row('terminal', 404, 'No such persona'),
  REGISTRY_ENTRY_NOT_FOUND: row('terminal', 404, 'No such row in the registry'),
  TOOL_NOT_AVAILABLE: row('denied', 403, 'No tool server serves this tool'),
  MODE_FORBIDDEN: row('denied', 403, 'The mode is not allowed for this account'),
  STOPPED: row('retryable', 503, 'A stop is in force'),
  // identity
  UNAUTHENTICATED: row('denied', 401, 'A valid bearer token is needed'),
  FORBIDDEN: row('denied', 403, 'The token does not allow this'),
  TENANT_NOT_FOUND: row('terminal', 404, 'No such tenant'),
  USER_NOT_FOUND: row('terminal', 404, 'No such user'),
  AGENT_NOT_FOUND: row('terminal', 404, 'No such agent'),
  CAMPAIGN_NOT_FOUND: row('terminal', 404, 'No such campaign'),
  CAMPAIGN_COMPLETED: row('conflict', 409, 'The campaign is completed'),
  EMAIL_TAKEN: row('conflict', 409, 'Another user has this address'),
  RATE_LIMITED: row('retryable', 429, 'Too many requests'),
  // models
  MODEL_UNAVAILABLE: row('retryable', 503, 'The model does not answer'),
  MODEL_RATE_LIMITED: row('retryable', 429, 'The provider of the model limits the rate'),
  MODEL_OUTPUT_INVALID: row('retryable', 502, 'The model answered something that does not fit'),
  MODEL_REFUSED: row('terminal', 422, 'The model or its provider refused the request'),
  MODEL_UNAUTHORIZED: row('terminal', 502, 'The provider of the model does not take the key'),
  MODEL_INPUT_TOO_LONG: row('terminal', 413, 'The prompt is longer than the model takes'),
  MODEL_NONE_FITS: row('terminal', 422, 'No model of the cascade may be asked this'),
  CIRCUIT_NOT_FOUND: row('terminal', 404, 'No model of this name has been asked'),
  // memory
  MEMORY_NOT_FOUND: row('terminal', 404, 'No such memory'),
  MEMORY_EMBEDDER_MIXED: row('conflict', 409, 'Memories have vectors of another embedder'),
  MEMORY_VECTOR_SIZE: row('conflict', 409, 'Vectors of this size do not fit the others'),
  EMBEDDER_FAILED: row('terminal', 502, 'The embedder answers what is no vector'),
  // tool servers
  GRANT_REQUIRED: row('denied', 403, 'This tool acts only on a grant'),
  GRANT_INVALID: row('denied', 403, 'The grant is forged, altered or not for this server'),
  GRANT_EXPIRED: row('denied', 403, 'The grant has expired'),
  BOOT_CHANGED: row('retryable', 503, 'The grant was made for an earlier start of this server'),
  INCARNATION_CHANGED: row('denied', 403, 'The grant was made by another life of the record'),
  FENCED: row('denied', 403, 'A stop fences this server'),
  LEDGER_BEHIND: row('retryable', 503, 'The ledger does not continue what the record knows'),
  LEDGER_HELD: row('terminal', 409, 'Another process holds the ledger of this account'),
  LEDGER_UNWRITABLE: row('retryable', 503, 'The ledger cannot be written: is its disk full?'),
  SERVER_CLOSED: row('retryable', 503, 'The tool server is closed until its hello'),
  RECORD_BEHIND: row(
    'retryable',
    503,
    'The ledger knows more than the record: an undeclared restore',
  ),
  WRONG_ACCOUNT: row('terminal', 409, 'The ledger or the server is of another account'),
  SETTLE_REFUSED: row('denied', 403, 'This effect cannot be settled by a person now'),
  STACK_RUNNING: row('conflict', 409, 'This needs a stack that does not run'),
  BACKUP_INVALID: row('terminal', 422, 'The backup is incomplete or was altered'),
  CLOCK_JUMP: row('retryable', 503, 'The clock of the tool server jumped'),
  IN_PROGRESS: row('retryable', 409, 'It is being acted on already'),
  SUPERSEDED: row('conflict', 409, 'A later round holds this slot'),
  IDEMPOTENCY_CONFLICT: row('conflict', 409, 'The slot is held with other arguments'),
  COOLDOWN_ACTIVE: row('retryable', 429, 'The cooldown of the account is running'),
  LIMIT_EXCEEDED: row('denied', 403, 'A limit of the account would be exceeded'),
  TARGET_UNKNOWN: row('denied', 403, 'What is to be changed is not of this server'),
  RECIPIENT_NOT_ALLOWED: row('denied', 403, 'The recipient is not on the list of the account'),
  ASSET_UNKNOWN: row('denied', 403, 'The account has no limits for this asset'),
  PRICE_UNAVAILABLE: row('denied', 403, 'There is no fresh price for this asset'),
  REVERTED: row('terminal', 422, 'The transaction was mined and reverted: only gas was spent'),
  INSUFFICIENT_FUNDS: row('terminal', 422, 'The account does not hold enough'),
  MARKET_UNKNOWN: row('terminal', 422, 'The venue lists no such market'),
  SYMBOL_RESTRICTED: row('denied', 403, 'This symbol is on the list of what is not traded'),
  KILL_LEVEL: row('denied', 403, 'The kill level does not let this through'),
  DUPLICATE: row('terminal', 409, 'The provider has this content already'),
  UPSTREAM_REJECTED: row('terminal', 422, 'The provider refused'),
  UPSTREAM_RATE_LIMITED: row('retryable', 429, 'The provider limits the rate'),
  UPSTREAM_UNAVAILABLE: row('retryable', 503, 'The provider could not be reached'),
  OUTCOME_UNKNOWN: row('retryable', 503, 'It is not known whether the effect happened'),
  NOT_SENT: row('retryable', 503, 'The effect was stopped before it left'),
  TEXT_TOO_LONG: row('terminal', 422, 'The text is longer than the provider takes'),
  TOOL_FAILED: row('retryable', 503, 'The tool server failed'),
  // everything else
  UNAVAILABLE: row('retryable', 503, 'A server that is needed does not answer'),
  DATABASE_LOGIN_REFUSED: row('retryable', 503, 'This login of the database may do too much'),
  CONFIG_INVALID: row('terminal', 500, 'The configuration is not valid'),
  VERSION_CONFLICT: row('conflict', 409, 'The row has moved in between'),
  INVARIANT: row('invariant', 500, 'Something happened that must not happen'),
} as const satisfies Record<string, CodeRow>

export type ErrorCode = keyof typeof ERROR_CODES

/**
 * The base of every error that this house throws on purpose. The message is a sentence for
 * operators.
 */
export class ChimeraError extends Error {
  readonly code: ErrorCode
  /** A pointer per faulty field, for problem+json. */
  readonly faults: readonly Fault[]

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; faults?: readonly Fault[] } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.faults = options.faults ?? []
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind
  }
}

/** One field that was wrong: a JSON pointer (RFC 6901) and what to do about it. */
export type Fault = { readonly pointer: string; readonly detail: string }

/** May be tried again, after `retryAfterMs` when it is known. */
export class RetryableError extends ChimeraError {
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(code, message, options)
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Trying again cannot help. */
export class TerminalError extends ChimeraError {}
/** Policy, budget or a person said no; never tried again. */
export class DeniedError extends ChimeraError {}
/** Waits for a person. */
export class ApprovalRequiredError extends ChimeraError {}
/** Somebody else was first: re-read and decide again, a bounded number of times. */
export class ConflictError extends ChimeraError {}
/** The work was called off; no failure. */
export class CancelledError extends ChimeraError {}
/** A programmer's assumption broke: the process logs it and dies. */
export class InvariantError extends ChimeraError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('INVARIANT', message, options)
  }
}

function row(kind: ErrorKind, http: number, title: string): CodeRow {
  return { kind, http, title }
}
