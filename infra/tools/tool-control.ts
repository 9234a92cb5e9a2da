import {
  ChimeraError,
  ConflictError,
  DeniedError,
  ERROR_CODES,
  RetryableError,
  TerminalError,
  type ErrorCode,
} from '@chimera/contracts/errors'
import {
  FenceReply,
  KillReply,
  LedgerLine,
  ReceiptsReply,
  ToolStatus,
  type FenceBody,
  type KillBody,
  type ReconcileBody,
} from '@chimera/contracts/tool-control'
import { z } from 'zod'

/**
 * The `/control` door of one tool server; the Keeper and the command line use it, Workers never.
 */
export type ToolControl = Readonly<{
  status: () => Promise<ToolStatus>
  /** Carries the signed hello that opens the server. */
  hello: (jws: string) => Promise<ToolStatus>
  /** Carries the signed question whether a grant is dead; the receipt is the ledger's answer. */
  askVoid: (jws: string) => Promise<ReceiptsReply>
  /** Settles UNKNOWN entries by asking the provider; all when none is named. */
  reconcile: (body?: z.infer<typeof ReconcileBody>) => Promise<ReceiptsReply>
  /** Durable at the server before it answers; waits `withinMs` for it, 2 s when not said. */
  fence: (body: z.infer<typeof FenceBody>, withinMs?: number) => Promise<FenceReply>
  /** Carries a person's signed word on an effect; the receipt says what the ledger made of it. */
  settle: (jws: string) => Promise<ReceiptsReply>
  /** Carries what the record knows to a ledger that was lost or is older. */
  adopt: (jws: string) => Promise<ToolStatus>
  ledger: () => Promise<LedgerLine[]>
  /** The kill level and its history. */
  kill: () => Promise<KillReply>
  /**
   * Raises it; lowers it with the operator's own token in place of the control token. Durable at
   * the server before it answers; waits `withinMs` for it, 2 s when not said.
   */
  setKill: (body: z.input<typeof KillBody>, withinMs?: number) => Promise<KillReply>
}>

/** Status and fence are answered from memory and one commit. */
const QUICK_MS = 2_000
/**
 * A reconcile asks the provider, page by page; a void waits for the account's mutex, behind a
 * send.
 */
const SLOW_MS = 30_000
/** A year of tweets at one in 15 minutes is 35,000 lines of 500 bytes. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024

/**
 * A client of `/control/*`. `url` is the base of the server, `token` its control token (or the
 * stop token, for `fence` alone). Throws RetryableError(TOOL_FAILED) when the server does not
 * answer in time or answers nonsense, DeniedError for a token it does not accept, ChimeraError
 * with the server's own code for everything else that it refuses.
 */
export function openToolControl(of: {
  url: string
  token: string
  signal?: AbortSignal
}): ToolControl {
  const get = (path: string, timeoutMs: number): Promise<string> =>
    ask({ ...of, path, method: 'GET', timeoutMs })
  const post = (path: string, body: unknown, timeoutMs: number): Promise<string> =>
    ask({ ...of, path, method: 'POST', body: JSON.stringify(body), timeoutMs })
  return {
    status: async () => parse(ToolStatus, await get('status', QUICK_MS)),
    hello: async (jws) => parse(ToolStatus, await post('hello', { hello: jws }, SLOW_MS)),
    askVoid: async (jws) => parse(ReceiptsReply, await post('void', { void: jws }, SLOW_MS)),
    reconcile: async (body = {}) => parse(ReceiptsReply, await post('reconcile', body, SLOW_MS)),
    fence: async (body, withinMs = QUICK_MS) =>
      parse(FenceReply, await post('fence', body, withinMs)),
    settle: async (jws) => parse(ReceiptsReply, await post('settle', { settle: jws }, SLOW_MS)),
    adopt: async (jws) => parse(ToolStatus, await post('adopt', { adopt: jws }, SLOW_MS)),
    kill: async () => parse(KillReply, await get('kill', QUICK_MS)),
    setKill: async (body, withinMs = QUICK_MS) =>
      parse(KillReply, await post('kill', body, withinMs)),
    ledger: async () => {
      const text = await get('ledger', SLOW_MS)
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => parse(LedgerLine, line))
    },
  }
}

async function ask(of: {
  url: string
  token: string
  path: string
  method: 'GET' | 'POST'
  body?: string
  timeoutMs: number
  signal?: AbortSignal
}): Promise<string> {
  // Not AbortSignal.timeout: its timer goes off long after the answer, and wakes a resting process.
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), of.timeoutMs)
  const signal =
    of.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, of.signal])
  const where = `${of.method} /control/${of.path} of ${new URL(of.url).host}`
  try {
    const response = await fetch(new URL(`/control/${of.path}`, of.url), {
      method: of.method,
      headers: { authorization: `Bearer ${of.token}`, 'content-type': 'application/json' },
      redirect: 'error',
      signal,
      ...(of.body === undefined ? {} : { body: of.body }),
    })
    const text = await readBounded(response)
    if (response.ok) return text
    throw refusal(where, response.status, text)
  } catch (cause) {
    if (cause instanceof ChimeraError) throw cause
    throw new RetryableError('TOOL_FAILED', `${where} got no answer.`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    const bytes = Bytes.parse(chunk)
    size += bytes.byteLength
    if (size > MAX_REPLY_BYTES) {
      throw new RetryableError('TOOL_FAILED', 'The answer of a tool server is too large.')
    }
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const Bytes = z.instanceof(Uint8Array)

/** What of problem+json (RFC 9457) is read. */
const Problem = z.object({ code: z.string().optional(), detail: z.string().optional() })

/** The server's own code and kind, so that its caller knows whether asking again can help. */
function refusal(where: string, status: number, text: string): ChimeraError {
  const { code, detail } = Problem.safeParse(jsonOf(text)).data ?? {}
  const reason = (detail ?? code ?? 'no reason').slice(0, 300)
  const message = `${where} was refused with ${status}: ${reason}`
  if (isCode(code)) return errorOf(code, message)
  if (status === 401) return new DeniedError('UNAUTHENTICATED', message)
  if (status === 403) return new DeniedError('FORBIDDEN', message)
  return new RetryableError('TOOL_FAILED', message)
}

const isCode = (code: string | undefined): code is ErrorCode =>
  code !== undefined && Object.hasOwn(ERROR_CODES, code)

function errorOf(code: ErrorCode, message: string): ChimeraError {
  switch (ERROR_CODES[code].kind) {
    case 'retryable':
      return new RetryableError(code, message)
    case 'denied':
    case 'approval-required':
      return new DeniedError(code, message)
    case 'conflict':
      return new ConflictError(code, message)
    // A broken assumption of the server is not one of ours.
    case 'invariant':
    case 'cancelled':
      return new RetryableError('TOOL_FAILED', message)
    case 'terminal':
      return new TerminalError(code, message)
  }
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  throw new RetryableError('TOOL_FAILED', 'A tool server answered with something unexpected.', {
    cause: parsed.error,
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
