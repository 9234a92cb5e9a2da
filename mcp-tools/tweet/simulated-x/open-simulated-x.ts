import type { IncomingMessage, ServerResponse } from 'node:http'

import { deliver, openDoor } from '@chimera/mcp-kit/simulation/open-door'
import { readBody } from '@chimera/mcp-kit/simulation/read-body'
import { openRequestRecord, type RequestRecord } from '@chimera/mcp-kit/simulation/request-record'

import { openAccounts, type SimulatedAccount } from './accounts.ts'
import { type ApiParts, decideRequest } from './api.ts'
import { answerControl } from './control.ts'
import { openFaults } from './faults.ts'
import { parsePostRequest } from './post-request.ts'
import { openPosts } from './posts.ts'
import type { Answer } from './problems.ts'
import { DEFAULT_POST_LIMIT, openRateLimit } from './rate-limit.ts'
import { openSnowflakes } from './snowflake.ts'
import { openUploads } from './uploads.ts'

/** X's largest post as JSON with every character escaped fits; more is not one. */
const MAX_BODY_BYTES = 64 * 1_024
/** An image of 5 MB in base64, and what stands around it. */
const MAX_UPLOAD_BYTES = 7 * 1_024 * 1_024

/** A running simulated X. */
export type SimulatedX = AsyncDisposable & {
  /** Base URL, for `SIMULATED_X_URL`. */
  readonly url: string
  /** Ends every connection, the hung ones too, and closes the record. */
  readonly close: () => Promise<void>
}

/**
 * Starts an X of our own: API v2 for posts, media and timelines, told to fail by `POST /__control`,
 * with its own record as the only truth about what it accepted. A new life on the same record
 * remembers every post of the ones before, those whose answer was lost included; faults and
 * settings are forgotten. `port` 0 takes a free one. No `accounts`: any bearer token is an account.
 */
export async function openSimulatedX(options: {
  port: number
  recordPath: string
  accounts?: readonly SimulatedAccount[]
  /** Tokens of apps without a user, which may not post. */
  appTokens?: readonly string[]
  host?: string
  clock?: () => number
}): Promise<SimulatedX> {
  const { port, recordPath, accounts = [], appTokens = [], host = '127.0.0.1' } = options
  const now = options.clock ?? Date.now
  await using stack = new AsyncDisposableStack()
  const record = stack.use(openRequestRecord(recordPath))
  const posts = openPosts({ now })
  const uploads = openUploads({ now })
  const highestId = restore(record, { posts, uploads })
  const parts: ApiParts = {
    accounts: openAccounts({ accounts, appTokens, now }),
    posts,
    uploads,
    faults: openFaults(),
    rateLimit: openRateLimit({ now }),
    nextId: openSnowflakes({ now, after: highestId }).next,
    settings: { duplicateCheck: true, timelineDelayMs: 0, postLimit: DEFAULT_POST_LIMIT },
    now,
  }
  const served = { ...parts, record }
  const { url } = stack.use(
    await openDoor({
      host,
      port,
      serve: async (request, response) => serve(request, response, served),
    }),
  )
  const running = stack.move()
  const close = () => running.disposeAsync()
  return { url, close, [Symbol.asyncDispose]: close }
}

/** Puts back what earlier lives accepted. Returns the highest id, so that none is given twice. */
function restore(record: RequestRecord, into: Pick<ApiParts, 'posts' | 'uploads'>): bigint {
  let highest = 0n
  for (const { id, account, method, path, body, outcome, received_at: at } of record.restored) {
    if (id === undefined || outcome === 'refused') continue
    if (BigInt(id) > highest) highest = BigInt(id)
    if (method === 'DELETE') into.posts.remove(id)
    if (method !== 'POST') continue
    if (path === '/2/media/upload') into.uploads.add(id, { account, atMs: Date.parse(at) })
    const parsed = parsePostRequest(body)
    if (path === '/2/tweets' && parsed.isValid) {
      into.posts.add({ id, account, request: parsed.post })
    }
  }
  return highest
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: ApiParts & { record: RequestRecord },
): Promise<void> {
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`)
  const { method = 'GET' } = request
  const isUpload = url.pathname.startsWith('/2/media/upload')
  const read = await readBody(request, isUpload ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES)
  const body = read.kind === 'json' ? read.value : undefined
  if (url.pathname === '/__control') {
    send(response, answerControl({ request, body, parts }))
    return
  }
  const receivedAtMs = parts.now()
  const { authorization } = request.headers
  const decision = decideRequest({ method, url, authorization, body }, parts)
  const { account, outcome, id, answer, delivery, recorded } = decision
  // The record comes first: an answer that somebody saw is always in it.
  parts.record.append({
    receivedAtMs,
    account,
    method,
    path: `${url.pathname}${url.search}`,
    body: recorded ?? (read.kind === 'json' ? read.value : read.text),
    outcome,
    status: delivery === 'answer' ? answer.status : null,
    ...(id === undefined ? {} : { id }),
  })
  deliver(request, delivery, () => send(response, answer))
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body), 'utf8')
  const type = status >= 400 ? 'application/problem+json' : 'application/json; charset=utf-8'
  response.writeHead(status, {
    'content-type': type,
    'content-length': String(bytes.byteLength),
    ...headers,
  })
  response.end(bytes)
}
