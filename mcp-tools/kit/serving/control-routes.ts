import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'

import { DeniedError, TerminalError } from '@chimera/contracts/errors'
import {
  AdoptBody,
  FenceBody,
  HelloBody,
  KillBody,
  LedgerLine,
  ReconcileBody,
  SettleBody,
  VoidBody,
} from '@chimera/contracts/tool-control'
import type { z } from 'zod'

import type { Entry } from '../ledger/entry.ts'
import type { ToolControl } from '../tool-server.ts'
import { carriesToken } from './bearer.ts'
import { invalidInput } from './define-tool.ts'
import { parseJson } from './wire/parse-json.ts'
import { readBody } from './wire/read-body.ts'

/** A hello lists every boot that the record knows, an adoption every effect that is open. */
const MAX_BODY_BYTES = 33_554_432

/** A reader that stalls keeps no copy open for longer. */
const BACKUP_MS = 120_000

export type ControlTokens = Readonly<{
  control: string | undefined
  stop: string | undefined
  kill?: string | undefined
}>

/**
 * `/control/*` (contracts/tool-control.ts). The control token may ask everything; the stop token
 * may only stop, which is what makes it fit to lie on an operator's disk; the kill token only sets
 * the kill level, and is the only one that lowers it. Throws ChimeraError.
 */
export async function serveControl(
  request: IncomingMessage,
  response: ServerResponse,
  given: { path: string; control: ToolControl; tokens: ControlTokens },
): Promise<void> {
  const { path, control, tokens } = given
  const isOperator = carriesToken(request, tokens.control)
  const mayOnlyStop = !isOperator && carriesToken(request, tokens.stop)
  if (path === '/control/kill' && (isOperator || mayOnlyStop || mayLower(request, tokens))) {
    return serveKill(request, response, { control, mayLower: mayLower(request, tokens) })
  }
  if (!isOperator && !mayOnlyStop) {
    throw new DeniedError('UNAUTHENTICATED', 'The control endpoints need their bearer token.')
  }
  const method = METHODS[path]
  if (method === undefined) throw new TerminalError('ROUTE_NOT_FOUND', `There is no ${path}.`)
  if (request.method !== method) {
    response.setHeader('allow', method)
    throw new TerminalError('METHOD_NOT_ALLOWED', `${path} takes ${method}.`)
  }
  if (mayOnlyStop && path !== '/control/fence') {
    throw new DeniedError('FORBIDDEN', 'The stop token may only raise a fence.')
  }
  if (path === '/control/ledger') return sendLedger(response, control)
  if (path === '/control/backup') return sendBackup(response, control)
  const body = method === 'POST' ? await readJson(request) : undefined
  sendJson(response, await answer({ path, body, control, mayOnlyStop }))
}

const mayLower = (request: IncomingMessage, { kill }: ControlTokens): boolean =>
  carriesToken(request, kill)

async function serveKill(
  request: IncomingMessage,
  response: ServerResponse,
  { control, mayLower: isAllowed }: { control: ToolControl; mayLower: boolean },
): Promise<void> {
  const { kill } = control
  if (request.method === 'GET') return sendJson(response, kill.show())
  if (request.method !== 'POST') {
    response.setHeader('allow', 'GET, POST')
    throw new TerminalError('METHOD_NOT_ALLOWED', '/control/kill takes GET and POST.')
  }
  const { if_newer: ifNewer, ...to } = parse(KillBody, await readJson(request))
  sendJson(response, kill.set({ ...to, ifNewer, mayLower: isAllowed }))
}

const METHODS: Readonly<Record<string, 'GET' | 'POST'>> = {
  '/control/status': 'GET',
  '/control/ledger': 'GET',
  '/control/backup': 'GET',
  '/control/hello': 'POST',
  '/control/void': 'POST',
  '/control/settle': 'POST',
  '/control/adopt': 'POST',
  '/control/reconcile': 'POST',
  '/control/fence': 'POST',
}

async function answer(given: {
  path: string
  body: unknown
  control: ToolControl
  mayOnlyStop: boolean
}): Promise<object> {
  const { path, body, control } = given
  if (path === '/control/hello') return control.hello(parse(HelloBody, body).hello)
  if (path === '/control/void') return control.voidGrant(parse(VoidBody, body).void)
  if (path === '/control/settle') return control.settle(parse(SettleBody, body).settle)
  if (path === '/control/adopt') return control.adopt(parse(AdoptBody, body).adopt)
  if (path === '/control/reconcile') {
    return control.reconcile(parse(ReconcileBody, body).grant_ids)
  }
  if (path === '/control/fence') {
    const to = parse(FenceBody, body)
    if (given.mayOnlyStop && !to.stopped) {
      throw new DeniedError('FORBIDDEN', 'The stop token may stop, not resume.')
    }
    if (to.epoch === undefined && !to.stopped) {
      throw new TerminalError('INPUT_INVALID', 'A resume names the epoch that the record gave it.')
    }
    const epoch = to.epoch ?? (control.status().fences[to.scope] ?? 0) + 1
    return control.fence({ ...to, epoch })
  }
  return control.status()
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const { code, detail } = invalidInput(parsed.error)
  throw new TerminalError(code, detail)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readBody(request, MAX_BODY_BYTES)
  return text === '' ? {} : parseJson(text)
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/**
 * A SQLite file of the ledger as it stands now. It is whole when as many bytes came as were
 * announced.
 */
async function sendBackup(response: ServerResponse, control: ToolControl): Promise<void> {
  using copy = control.backup()
  response.writeHead(200, {
    'content-type': 'application/vnd.sqlite3',
    'content-length': copy.bytes,
    'chimera-ledger-id': copy.ledgerId,
    'chimera-ledger-seq': copy.seq,
  })
  const file = createReadStream('', { fd: copy.fd, autoClose: false })
  await pipeline(file, response, { signal: AbortSignal.timeout(BACKUP_MS) })
}

/** Written in one go: the holder's connection is the only way to read a live ledger. */
function sendLedger(response: ServerResponse, control: ToolControl): void {
  response.writeHead(200, { 'content-type': 'application/jsonl' })
  for (const entry of control.entries()) response.write(`${JSON.stringify(lineOf(entry))}\n`)
  response.end()
}

/** One entry as `chimera tools ledger --jsonl` prints it. */
export function lineOf(entry: Entry): LedgerLine {
  return LedgerLine.parse({
    effect_key: entry.effectKey,
    round: entry.round,
    grant_id: entry.grantId,
    args_hash: entry.argsHash,
    state: entry.state,
    claimed_at: entry.claimedMs === undefined ? null : new Date(entry.claimedMs).toISOString(),
    boot: entry.boot,
    record_incarnation: entry.incarnation,
    seq: entry.seq,
  })
}
