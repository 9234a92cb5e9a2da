import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { deliver, openDoor } from '@chimera/mcp-kit/simulation/open-door'
import { readBody, type Body } from '@chimera/mcp-kit/simulation/read-body'
import { openRequestRecord, type RequestRecord } from '@chimera/mcp-kit/simulation/request-record'

import type { CandlePlayer } from '../candles/candle-player.ts'
import { openDurableEngine } from '../engine/durable-engine.ts'
import { openAccounts, type SimulatedAccount } from './accounts.ts'
import { answerInfo } from './answer-info.ts'
import { answerControl, type Controlled } from './control.ts'
import { decideExchange, type Answer, type Decision } from './decide-exchange.ts'
import type { ExchangeParts, Settings } from './exchange-parts.ts'
import { LATE, openFaults } from './faults.ts'
import { openMarketFeed } from './market-feed.ts'
import { openWeights, WEIGHT_LIMIT } from './request-weights.ts'
import { restoreFromRecord } from './restore-from-record.ts'
import { openSignerNonces } from './wire/signer-nonces.ts'

/** A running simulated exchange. */
export type SimulatedExchange = AsyncDisposable &
  Readonly<{
    /** Base URL, for `SIMULATED_EXCHANGE_URL`. */
    url: string
    /** Ends every connection, the hung ones too, and closes the record. */
    close: () => Promise<void>
  }>

/** 0.045 % for who takes and 0.015 % for who makes: the exchange's lowest tier. */
const FEES = { takerMillionths: 450n, makerMillionths: 150n } as const
/** What every account of a paper exchange begins with: 10,000 dollars. */
const STARTING_MICROS = 10_000_000_000n
/** A batch of 1,000 orders fits; more is not one. */
const MAX_BODY_BYTES = 512 * 1_024
const PATHS: ReadonlySet<string> = new Set(['/exchange', '/info', '/__control'])

/**
 * Starts a Hyperliquid of our own: `/exchange` and `/info` of the perpetuals, signatures checked
 * for real, told to fail by `POST /__control`, with its own record as the only truth about what it
 * accepted. A new life on the same record and journal knows every order, fill and nonce of the ones
 * before, those whose answer was lost included; faults and settings are forgotten. `port` 0 takes a
 * free one.
 */
export async function openSimulatedExchange(options: {
  port: number
  recordPath: string
  accounts: readonly SimulatedAccount[]
  source: CandlePlayer
  weightLimit?: number
  host?: string
  clock?: () => number
}): Promise<SimulatedExchange> {
  const { port, recordPath, source, host = '127.0.0.1', clock = Date.now } = options
  await using stack = new AsyncDisposableStack()
  const record = stack.use(openRequestRecord(recordPath))
  const engine = stack.use(
    openDurableEngine({
      markets: source.markets,
      fees: FEES,
      startingMicros: STARTING_MICROS,
      journalPath: recordPath.replace(/(?:\.jsonl)?$/u, '.journal.jsonl'),
    }),
  )
  const settings: Settings = {
    nonceCheck: true,
    cloidCheck: true,
    clockSkewMs: 0,
    lagMs: 0,
    stale: undefined,
    shuffledFills: false,
    weightLimit: options.weightLimit ?? WEIGHT_LIMIT,
  }
  const now = steadyClock(() => clock() + settings.clockSkewMs)
  const parts: ExchangeParts = {
    // A paper order may never be good on the real exchange.
    chain: 'testnet',
    accounts: openAccounts(options.accounts),
    engine,
    nonces: openSignerNonces(),
    weights: openWeights({ now: clock }),
    faults: openFaults(),
    settings,
    source,
    schedules: new Map(),
    now,
  }
  restoreFromRecord(record, parts)
  const controlled = openMarket(parts, source)
  const served = { ...controlled, record }
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

/** A clock that may be put back stands still until it is passed: an exchange's time only rises. */
function steadyClock(clock: () => number): () => number {
  let last = 0
  return () => (last = Math.max(last, Math.floor(clock())))
}

/** The market moves when somebody looks; what lay between is met all the same. */
function openMarket(parts: ExchangeParts, source: CandlePlayer): Controlled {
  const feed = openMarketFeed(source)
  let quotedMs = parts.now()
  const advance = (): void => {
    const atMs = parts.now()
    parts.engine.tick({ quotes: feed.quotesAt({ nowMs: atMs, sinceMs: quotedMs }), atMs })
    quotedMs = atMs
    for (const [account, dueMs] of parts.schedules) {
      if (dueMs > atMs) continue
      parts.schedules.delete(account)
      for (const { asset, oid } of parts.engine.openOrders(account)) {
        parts.engine.cancel({ account, asset, name: { oid }, atMs })
      }
    }
  }
  return { parts, feed, advance }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  of: Controlled & { record: RequestRecord },
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const { method = 'GET' } = request
  const read = await readBody(request, MAX_BODY_BYTES)
  const body = read.kind === 'json' ? read.value : undefined
  if (!PATHS.has(pathname) || (method !== 'POST' && pathname !== '/__control')) {
    send(response, {
      status: pathname === '/info' || pathname === '/exchange' ? 405 : 404,
      body: null,
    })
    return
  }
  if (pathname === '/__control') {
    send(response, answerControl(request, body, of))
    return
  }
  const isQuestion = pathname === '/info'
  const { parts } = of
  const late = parts.faults.take(LATE, isQuestion ? 'info' : 'exchange', textOf(read))
  if (late !== undefined) await sleep(late.delayMs)
  const receivedAtMs = parts.now()
  of.advance()
  const decision = isQuestion ? answerInfo(body, parts) : decideExchange(body, parts)
  // The record comes first: an answer that somebody saw is always in it. Questions move nothing,
  // and there are too many of them.
  if (!isQuestion) note(of.record, { decision, receivedAtMs, method, path: pathname, read })
  deliver(request, decision.delivery, () => send(response, decision.answer))
}

function note(
  record: RequestRecord,
  given: { decision: Decision; receivedAtMs: number; method: string; path: string; read: Body },
): void {
  const { decision, receivedAtMs, method, path, read } = given
  const { account, outcome, delivery, answer, id } = decision
  record.append({
    receivedAtMs,
    account,
    method,
    path,
    body: read.kind === 'json' ? read.value : read.text,
    outcome,
    status: delivery === 'answer' ? answer.status : null,
    ...(id === undefined ? {} : { id }),
  })
}

const textOf = (read: Body): string =>
  read.kind === 'json' ? JSON.stringify(read.value) : (read.text ?? '')

/** The exchange sends JSON with 200, and plain words with whatever it refuses. */
function send(response: ServerResponse, { status, body }: Answer): void {
  const isText = status !== 200 && typeof body === 'string'
  const bytes = Buffer.from(isText ? body : JSON.stringify(body), 'utf8')
  response.writeHead(status, {
    'content-type': isText ? 'text/plain' : 'application/json',
    'content-length': String(bytes.byteLength),
  })
  response.end(bytes)
}
