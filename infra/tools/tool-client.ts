import { canonicalHash } from '@chimera/contracts/canonical'
import { DeniedError, RetryableError } from '@chimera/contracts/errors'
import type { Logger } from '@chimera/runtime/log'
import { ProtocolError, SdkHttpError, type Client } from '@modelcontextprotocol/client'
import { z } from 'zod'

import { connectMcp } from './connect-mcp.ts'
import type { ReviewedDefinitions } from './reviewed-definitions.ts'

/** One call of a tool. */
export type ToolCall = Readonly<{
  tool: string
  args: Record<string, unknown>
  /** Goes into `_meta` of the request: the grant, for one. */
  meta?: Record<string, unknown>
  /** What the record pinned: a tool whose definition hashes otherwise is not called. */
  definitionHash: string
  timeoutMs: number
  signal?: AbortSignal
}>

/** What the server said, unbelieved: `meta` holds the receipt, if there is one. */
export type ToolReply = Readonly<{
  content: readonly unknown[]
  structured: unknown
  isError: boolean
  meta: Readonly<Record<string, unknown>>
}>

/** The connection to one tool server. */
export type ToolClient = AsyncDisposable &
  Readonly<{
    /**
     * Calls a tool. Throws ToolUnreachableError when nothing was sent,
     * RetryableError(TOOL_FAILED) when it is not known what became of the call,
     * DeniedError(TOOL_NOT_AVAILABLE) for a tool that is not there or not the one that was
     * pinned, DeniedError(UNAUTHENTICATED | FORBIDDEN) for a bad token.
     */
    callTool: (call: ToolCall) => Promise<ToolReply>
  }>

/** The server could not be reached: the call did not leave this process. */
export class ToolUnreachableError extends RetryableError {}

const LIST_TIMEOUT_MS = 5_000
/** Servers of ours have less than ten tools; the bound is against a list that never ends. */
const MAX_PAGES = 16

/**
 * A client of one tool server over streamable HTTP, of either era of MCP. Connects at the first
 * call and again after a failure. `url` is the base of the server; its tools are at `/mcp`. A tool
 * that was reviewed is called with no other definition than that.
 */
export function openToolClient(of: {
  url: string
  token: string
  log: Logger
  reviewed?: ReviewedDefinitions | undefined
}): ToolClient {
  let opened: Promise<Connection> | undefined
  const drop = (connection: Promise<Connection> | undefined): void => {
    if (connection === undefined) return
    if (opened === connection) opened = undefined
    connection
      .then(({ client }) => client.close())
      .catch((err: unknown) => of.log.debug({ err }, 'a broken connection could not be closed'))
  }
  const connected = (): Promise<Connection> => (opened ??= connect(of))

  return {
    async callTool(call) {
      const connection = connected()
      const { client, definitions } = await connection.catch((cause: unknown) => {
        drop(connection)
        throw refused(cause) ?? unreachable(of.url, cause)
      })
      try {
        checkReviewed(of.reviewed, call)
        await checkDefinition({ client, definitions, call })
        return await request(client, call)
      } catch (error) {
        if (error instanceof DeniedError) throw error
        if (!(error instanceof ProtocolError)) drop(connection)
        throw callError(of.url, call.tool, error)
      }
    },
    async [Symbol.asyncDispose]() {
      const open = opened
      opened = undefined
      await open?.then(({ client }) => client.close()).catch(() => undefined)
    },
  }
}

type Connection = { readonly client: Client; readonly definitions: Map<string, string> }

async function connect(of: { url: string; token: string }): Promise<Connection> {
  const { client } = await connectMcp({ url: new URL('/mcp', of.url), token: of.token })
  try {
    return { client, definitions: await listDefinitions(client) }
  } catch (error) {
    await client.close().catch(() => undefined)
    throw error
  }
}

/** Tool name -> hash of the whole tool object, as the Judge writes it into grants. */
async function listDefinitions(client: Client): Promise<Map<string, string>> {
  const definitions = new Map<string, string>()
  let cursor: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const params = cursor === undefined ? {} : { cursor }
    const list = await client.request(
      { method: 'tools/list', params },
      { timeout: LIST_TIMEOUT_MS },
    )
    for (const tool of list.tools) definitions.set(tool.name, canonicalHash(tool))
    cursor = list.nextCursor
    if (cursor === undefined) return definitions
  }
  throw new RetryableError('TOOL_FAILED', `The server lists more than ${MAX_PAGES} pages of tools.`)
}

/** The record pins what a server says of itself at each start; this holds from start to start. */
function checkReviewed(
  reviewed: ReviewedDefinitions | undefined,
  { tool, definitionHash }: ToolCall,
): void {
  const hash = reviewed?.get(tool)
  if (hash === undefined || hash === definitionHash) return
  throw new DeniedError(
    'TOOL_NOT_AVAILABLE',
    `The server's definition of ${tool} is not the one that this release was reviewed with.`,
  )
}

/** Looked up again before it is refused: the server may have been replaced under the connection. */
async function checkDefinition(of: {
  client: Client
  definitions: Map<string, string>
  call: ToolCall
}): Promise<void> {
  const { tool, definitionHash } = of.call
  if (of.definitions.get(tool) === definitionHash) return
  for (const [name, hash] of await listDefinitions(of.client)) of.definitions.set(name, hash)
  if (of.definitions.get(tool) === definitionHash) return
  throw new DeniedError(
    'TOOL_NOT_AVAILABLE',
    `The server's definition of ${tool} is not the one that the record pinned.`,
  )
}

/**
 * Not `client.callTool`: that one throws the whole answer away when `structuredContent` does not
 * fit the output schema, and with it the receipt of something that has happened.
 */
async function request(client: Client, call: ToolCall): Promise<ToolReply> {
  const result = await client.request(
    {
      method: 'tools/call',
      params: {
        name: call.tool,
        arguments: call.args,
        ...(call.meta === undefined ? {} : { _meta: call.meta }),
      },
    },
    {
      timeout: call.timeoutMs,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    },
  )
  const { content, structuredContent: structured, isError, _meta: meta } = Reply.parse(result)
  return { content, structured, isError, meta }
}

const Reply = z.object({
  content: z.array(z.unknown()).default([]),
  structuredContent: z.unknown(),
  isError: z.boolean().default(false),
  _meta: z.record(z.string(), z.unknown()).default({}),
})

/** JSON-RPC's code for a tool that does not exist and for arguments that do not fit. */
const INVALID_PARAMS = -32_602

/** Connecting failed before a byte of the request could leave. */
const NOTHING_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'])

function callError(url: string, tool: string, cause: unknown): Error {
  const denied = refused(cause)
  if (denied !== undefined) return denied
  if (cause instanceof ProtocolError && cause.code === INVALID_PARAMS) {
    const message = `The server refused the call of ${tool} as such: ${cause.message}`
    return new DeniedError('TOOL_NOT_AVAILABLE', message, { cause })
  }
  if (causeCodes(cause).some((code) => NOTHING_SENT.has(code))) return unreachable(url, cause)
  return new RetryableError('TOOL_FAILED', `It is not known what became of the call of ${tool}.`, {
    cause,
  })
}

function refused(cause: unknown): DeniedError | undefined {
  if (!(cause instanceof SdkHttpError)) return undefined
  if (cause.status === 401) {
    return new DeniedError('UNAUTHENTICATED', 'The tool server does not know the token.', { cause })
  }
  if (cause.status !== 403) return undefined
  return new DeniedError('FORBIDDEN', 'The tool server does not allow this token.', { cause })
}

const unreachable = (url: string, cause: unknown): ToolUnreachableError =>
  new ToolUnreachableError('TOOL_FAILED', `No tool server answers at ${new URL(url).host}.`, {
    cause,
  })

/** `fetch` hides the system's code two causes deep. */
const MAX_CAUSES = 8

function causeCodes(error: unknown): string[] {
  const codes: string[] = []
  let at = error
  for (let depth = 0; depth < MAX_CAUSES && at instanceof Error; depth += 1) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code)
    at = at.cause
  }
  return codes
}
