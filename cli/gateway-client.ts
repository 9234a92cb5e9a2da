import { setTimeout as sleep } from 'node:timers/promises'

import {
  ChimeraError,
  ERROR_CODES,
  RetryableError,
  type ErrorCode,
  type Fault,
} from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'

import type { CliContext } from './context.ts'
import { CliExit, EXIT } from './exit-codes.ts'
import { getLocalStack, notRunning, readSecretFile } from './local-stack.ts'
import { plain } from './terminal-text.ts'

/** The gateway's API. Answers are JSON that the caller parses. */
export type GatewayClient = Readonly<{
  get: (path: string, query?: Readonly<Record<string, string | undefined>>) => Promise<unknown>
  post: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<unknown>
}>

type Asked = { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: string }

const ANSWER_WITHIN_MS = 30_000
const BACK_WITHIN_MS = 5_000
const TRY_AGAIN_MS = 200

/**
 * The gateway that CHIMERA_GATEWAY_URL and CHIMERA_TOKEN name, else that of the local stack with
 * its operator's token. Its answers throw ChimeraError with the code of the problem; no answer is
 * UNAVAILABLE (exit 69). `withinMs`: asked once only, for so long.
 */
export async function openGatewayClient(
  context: CliContext,
  patience: { withinMs?: number } = {},
): Promise<GatewayClient> {
  const { url, token } = await findGateway(context)
  const ask = async (path: string, asked: Asked): Promise<unknown> => {
    const { withinMs } = patience
    const once = () => send(new URL(path, url), token, { ...asked, withinMs })
    const { status, text } = await untilAnswered(once, withinMs === undefined ? BACK_WITHIN_MS : 0)
    if (status >= 300) throw errorOf(status, text)
    return JSON.parse(text)
  }
  return {
    get: (path, query = {}) => {
      const search = new URLSearchParams()
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) search.set(name, value)
      }
      return ask(search.size === 0 ? path : `${path}?${search.toString()}`, { method: 'GET' })
    },
    post: (path, body, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: { ...headers, ...(body === undefined ? {} : JSON_BODY) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

type Answer = { status: number; text: string }

async function send(
  url: URL,
  token: string,
  { withinMs, ...asked }: Asked & { withinMs: number | undefined },
): Promise<Answer> {
  const response = await fetch(url, {
    ...asked,
    headers: { authorization: `Bearer ${token}`, ...asked.headers },
    redirect: 'error',
    signal: AbortSignal.timeout(withinMs ?? ANSWER_WITHIN_MS),
  })
  return { status: response.status, text: await response.text() }
}

/**
 * A gateway that is started again is back within a second or two. To ask twice is harmless: reads
 * and cancels are, and a post carries its idempotency key.
 */
async function untilAnswered(ask: () => Promise<Answer>, backWithinMs: number): Promise<Answer> {
  const until = performance.now() + backWithinMs
  for (;;) {
    try {
      return await ask()
    } catch (cause) {
      if (performance.now() >= until) {
        throw new RetryableError(
          'UNAVAILABLE',
          'The gateway does not answer; `chimera status` and `chimera logs gateway` show why.',
          { cause },
        )
      }
      await sleep(TRY_AGAIN_MS)
    }
  }
}

const JSON_BODY = { 'content-type': 'application/json' }

async function findGateway(context: CliContext): Promise<{ url: string; token: string }> {
  const { CHIMERA_GATEWAY_URL: url, CHIMERA_TOKEN: token } = loadConfig(['cli'], context.env)
  if (url !== undefined) {
    // The local operator's token is nothing for another machine.
    if (token === undefined) {
      throw new CliExit(
        EXIT.badConfig,
        'CHIMERA_GATEWAY_URL is set, so CHIMERA_TOKEN must be, too.',
      )
    }
    if (!URL.canParse(url)) throw new CliExit(EXIT.badConfig, 'CHIMERA_GATEWAY_URL is not a URL.')
    return { url, token }
  }
  const { urls, token_file: file } = await getLocalStack(context)
  if (urls.gateway === '') throw notRunning()
  return { url: urls.gateway, token: token ?? (await readSecretFile(file)) }
}

/**
 * The error that the gateway meant, by its problem+json; told with every field that is at fault.
 */
function errorOf(status: number, text: string): ChimeraError {
  const problem = fieldsOf(jsonOf(text))
  const { code, detail } = problem
  const faults = faultsOf(problem['errors'])
  const said = typeof detail === 'string' ? detail : `The gateway answered ${status}.`
  const lines = faults.map((fault) => `\n  ${fault.pointer || '(body)'} ${fault.detail}`)
  return new ChimeraError(isCode(code) ? code : 'UNAVAILABLE', said + lines.join(''), { faults })
}

function faultsOf(errors: unknown): Fault[] {
  if (!Array.isArray(errors)) return []
  return errors.map((one) => {
    const { pointer, detail } = fieldsOf(one)
    return { pointer: textOf(pointer), detail: textOf(detail) }
  })
}

const textOf = (value: unknown): string => (typeof value === 'string' ? plain(value) : '')

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
