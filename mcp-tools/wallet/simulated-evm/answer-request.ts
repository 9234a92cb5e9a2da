import type { RequestRecord } from '@chimera/mcp-kit/simulation/request-record'
import { z } from 'zod'

import { HexBytes, hexOf } from '../chain/hex.ts'
import { parseSigned, type SignedTransaction, type Transaction } from '../chain/transaction.ts'
import type { Anvil } from './anvil-process.ts'
import { obey, refreshPrice } from './chain-state.ts'
import { Faucet, type FaucetDesk } from './faucet.ts'
import { Control, type FaultAfter, type FaultBefore, type Faults } from './faults.ts'
import { SIMULATED_FEED, SIMULATED_TOKEN } from './known-contracts.ts'

/** An answer before it is sent; `cut` closes the connection, `hang` leaves it open. */
export type Answer = Readonly<{ status: number; body: unknown }>
export type Lost = 'cut' | 'hang'

/** The parts of the simulated chain; each is in the file of its name. */
export type EvmParts = {
  readonly anvil: Anvil
  readonly record: RequestRecord
  readonly faucet: FaucetDesk
  readonly faults: Faults
  readonly settings: { delayMs: number; isPriceTold: boolean }
  /** When each hash was taken, for nodes that lag. */
  readonly takenAt: Map<string, number>
  /** Broadcasts are taken one by one, so that the record has them in the chain's order. */
  turn: Promise<unknown>
}

type Asked = Readonly<{ method: string; path: string; text: string; receivedAtMs: number }>

const Call = z.object({
  id: z.unknown(),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
})
type Call = z.infer<typeof Call>
const Target = z.object({ to: z.string() })

/** What a node of others does not do for strangers either: sign, mine, change what is. */
const READS = /^(?:eth_(?!send|sign|accounts|mining)|net_|web3_)/

/** Answers one whole request. */
export async function answerRequest(asked: Asked, parts: EvmParts): Promise<Answer | Lost> {
  if (asked.path === '/__control') return answerControl(asked, parts)
  if (asked.path === '/__faucet') return answerFaucet(asked, parts)
  const body = parseJson(asked.text)
  const single = Call.safeParse(body)
  if (single.success) {
    if (single.data.method !== 'eth_sendRawTransaction') {
      return { status: 200, body: await read(single.data, parts) }
    }
    const taken = parts.turn.then(() => broadcast(single.data, asked, parts))
    parts.turn = taken.catch(() => undefined)
    return taken
  }
  const batch = z.array(Call).min(1).max(100).safeParse(body)
  if (!batch.success) return { status: 400, body: fault(null, -32_600, 'Invalid request') }
  return { status: 200, body: await Promise.all(batch.data.map((call) => read(call, parts))) }
}

/** In wei, about what Base's nodes advise; anvil says a thousand times that, whoever is there. */
const TIP = '0xf4240'

async function read(call: Call, { anvil, settings, takenAt }: EvmParts): Promise<unknown> {
  const { id, method, params } = call
  if (method === 'eth_maxPriorityFeePerGas') return { jsonrpc: '2.0', id, result: TIP }
  if (!READS.test(method)) return fault(id, -32_601, `the method ${method} does not exist`)
  const takenMs = takenAt.get(String(params[0]))
  const isLate = takenMs !== undefined && Date.now() - takenMs < settings.delayMs
  if (isLate && /^eth_getTransaction(?:ByHash|Receipt)$/.test(method)) {
    return { jsonrpc: '2.0', id, result: null }
  }
  try {
    const isPrice = Target.safeParse(params[0]).data?.to === SIMULATED_FEED
    if (isPrice && !settings.isPriceTold) await refreshPrice(anvil)
    return { jsonrpc: '2.0', id, result: await anvil.ask(method, ...params) }
  } catch (cause) {
    return fault(id, -32_000, messageOf(cause))
  }
}

/** How a fault ends a broadcast that is not looked at. */
const ENDED: Readonly<Record<FaultBefore, (id: unknown) => Answer | Lost>> = {
  '5xx': () => ({ status: 503, body: { error: 'Service Unavailable' } }),
  '429': (id) => ({ status: 429, body: fault(id, -32_005, 'rate limited') }),
  // What a node says that lies, or confuses two: it proves nothing.
  '403_duplicate': (id) => ({ status: 200, body: fault(id, -32_000, 'already known') }),
  reset_before: () => 'cut',
}

async function broadcast(call: Call, asked: Asked, parts: EvmParts): Promise<Answer | Lost> {
  const transaction = parse(call)
  const text = transaction === undefined ? '' : describe(transaction)
  const before = parts.faults.takeBefore(text)
  const answer =
    before === undefined ? await hand(call, transaction, parts) : ENDED[before](call.id)
  const isTaken = typeof answer === 'object' && before === undefined && !hasFault(answer)
  const after = isTaken ? parts.faults.takeAfter(text) : undefined
  if (isTaken && transaction !== undefined) parts.takenAt.set(transaction.hash, asked.receivedAtMs)
  const outcome = isTaken ? (OUTCOMES[after ?? '5xx_after'] ?? 'accepted') : 'refused'
  const delivered = after === undefined ? answer : LOST[after]
  parts.record.append({
    receivedAtMs: asked.receivedAtMs,
    account: transaction === undefined ? 'unknown' : await senderOf(transaction, parts),
    method: 'POST',
    path: '/',
    body: JSON.parse(asked.text),
    outcome,
    status: typeof delivered === 'object' ? delivered.status : null,
    ...(isTaken && transaction !== undefined ? { id: transaction.hash } : {}),
  })
  return delivered
}

const OUTCOMES: Partial<Record<FaultAfter, 'cut' | 'hung'>> = { cut: 'cut', hang: 'hung' }
const LOST: Readonly<Record<FaultAfter, Answer | Lost>> = {
  cut: 'cut',
  hang: 'hang',
  '5xx_after': { status: 503, body: { error: 'Service Unavailable' } },
}

async function hand(
  { id, params }: Call,
  transaction: SignedTransaction | undefined,
  { anvil }: EvmParts,
): Promise<Answer> {
  if (transaction === undefined) {
    return { status: 200, body: fault(id, -32_000, 'only transactions of type 2 are simulated') }
  }
  try {
    const result = await anvil.ask('eth_sendRawTransaction', ...params)
    return { status: 200, body: { jsonrpc: '2.0', id, result } }
  } catch (cause) {
    return { status: 200, body: fault(id, -32_000, messageOf(cause)) }
  }
}

async function senderOf({ hash }: SignedTransaction, { anvil, faucet }: EvmParts): Promise<string> {
  const found = z
    .object({ from: z.string() })
    .safeParse(await anvil.ask('eth_getTransactionByHash', hash).catch(() => undefined))
  return found.success ? faucet.nameOf(found.data.from.toLowerCase()) : 'unknown'
}

async function answerControl(asked: Asked, parts: EvmParts): Promise<Answer> {
  const { anvil, faults, settings } = parts
  if (asked.method === 'POST') {
    const control = Control.safeParse(parseJson(asked.text))
    if (!control.success) return { status: 400, body: { error: z.prettifyError(control.error) } }
    faults.plan(control.data)
    settings.delayMs = control.data.timeline_delay_ms ?? settings.delayMs
    const { price } = control.data
    if (price !== undefined) settings.isPriceTold = price.at_s !== undefined
    await obey(anvil, control.data)
  }
  const { delayMs } = settings
  const chain = { anvil_url: anvil.url, token: SIMULATED_TOKEN, price_feed: SIMULATED_FEED }
  return { status: 200, body: { ...chain, faults: faults.list(), timeline_delay_ms: delayMs } }
}

async function answerFaucet(asked: Asked, { faucet, record }: EvmParts): Promise<Answer> {
  const wanted = Faucet.safeParse(parseJson(asked.text))
  if (!wanted.success) return { status: 400, body: { error: z.prettifyError(wanted.error) } }
  const isNew = await faucet.give(wanted.data)
  if (isNew) {
    const { receivedAtMs, method, path } = asked
    const { account } = wanted.data
    const line = { receivedAtMs, account, method, path, body: wanted.data, status: 200 }
    record.append({ ...line, outcome: 'accepted' })
  }
  return { status: 200, body: { isNew } }
}

function parse({ params }: Call): (Transaction & SignedTransaction) | undefined {
  const raw = HexBytes.safeParse(params[0])
  if (!raw.success) return undefined
  try {
    return parseSigned(raw.data)
  } catch {
    // Not one that is made here; anvil is not asked.
    return undefined
  }
}

function describe({ hash, nonce, to, value, data }: Transaction & SignedTransaction): string {
  return JSON.stringify({ hash, nonce, to, value: String(value), data: hexOf(data) })
}

const hasFault = ({ body }: Answer): boolean =>
  z.object({ error: z.unknown() }).safeParse(body).success

function fault(id: unknown, code: number, message: string): object {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/^anvil refused \w+: /, '') : String(cause)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
