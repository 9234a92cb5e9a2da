import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { SimulatedRequest } from '@chimera/contracts/observable'
import { sendOnce, type SendOutcome } from '@chimera/mcp-kit/provider/send-once'

import { playCandles } from '../../candles/candle-player.ts'
import { loadRecording } from '../../candles/recording.ts'
import { hyperliquidVenue } from '../../hyperliquid/hyperliquid-venue.ts'
import { openAgentWallet } from '../../hyperliquid/signing/agent-wallet.ts'
import type { ActionAnswer, OrderRequest, Venue, VenueAction } from '../../venue/venue.ts'
import type { ExchangeControl } from '../faults.ts'
import { openSimulatedExchange, type SimulatedExchange } from '../open-simulated-exchange.ts'

export const TEST_KEY = '0x0123456789012345678901234567890123456789012345678901234567890123'
const ACCOUNT = '0x1719884eb866cb12b2287399b15f7db5e7d775ea'
const SEND_TIMEOUT_MS = 2_000

const source = playCandles(loadRecording())

/** What one send came to: how it ended, and what the venue reads from it. */
export type Sent = Readonly<{ outcome: SendOutcome; answer: ActionAnswer | undefined }>

/** A simulated exchange on a port of its own, an account with an agent, and the adapter at it. */
export class ExchangeRig implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'chimera-exchange-'))
  readonly recordPath = join(this.folder, 'simulated', 'exchange.jsonl')
  readonly account = ACCOUNT
  readonly wallet = openAgentWallet(TEST_KEY, 'testnet')
  /** By how much the clock of exchange and adapter has been put forward. */
  aheadMs = 0
  #exchange: SimulatedExchange | undefined
  #venue: Venue | undefined
  #cloids = 0

  get url(): string {
    if (this.#exchange === undefined) throw new Error('The exchange is not open.')
    return this.#exchange.url
  }

  get venue(): Venue {
    if (this.#venue === undefined) throw new Error('The exchange is not open.')
    return this.#venue
  }

  readonly now = (): number => Date.now() + this.aheadMs

  async open(): Promise<this> {
    this.#exchange = await openSimulatedExchange({
      port: 0,
      recordPath: this.recordPath,
      accounts: [{ address: ACCOUNT, agents: [this.wallet.address] }],
      source,
      clock: this.now,
      weightLimit: 1_000_000,
    })
    this.#venue = this.venueFor()
    return this
  }

  venueFor(options: Partial<Parameters<typeof hyperliquidVenue>[0]> = {}): Venue {
    return hyperliquidVenue({
      name: 'paper',
      baseUrl: new URL(this.url),
      wallet: this.wallet,
      account: ACCOUNT,
      now: this.now,
      absence: { afterMs: 200, reads: 2, readsApartMs: 50 },
      ...options,
    })
  }

  async close(): Promise<void> {
    await this.#exchange?.close()
    this.#exchange = undefined
  }

  /** Another life on the same record and journal. */
  async restart(): Promise<void> {
    await this.close()
    await this.open()
  }

  async control(control: ExchangeControl): Promise<void> {
    const answer = await this.post('/__control', control)
    if (answer.status !== 200) throw new Error(await answer.text())
  }

  async post(path: string, body: unknown): Promise<Response> {
    return fetch(new URL(path, this.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  cloid(): string {
    this.#cloids += 1
    return `0x${this.#cloids.toString(16).padStart(32, '0')}`
  }

  order(wish: Partial<OrderRequest> = {}): OrderRequest {
    return {
      symbol: 'BTC',
      side: 'buy',
      size: '0.001',
      price: '50500',
      tif: 'ioc',
      reduceOnly: false,
      cloid: this.cloid(),
      ...wish,
    }
  }

  async place(wish: Partial<OrderRequest> = {}): Promise<Sent> {
    return this.send({ kind: 'place', order: this.order(wish) })
  }

  async send(action: VenueAction, venue = this.venue): Promise<Sent> {
    const expiresAfterMs = this.now() + SEND_TIMEOUT_MS
    const request = await venue.prepare(action, { expiresAfterMs })
    const outcome = await sendOnce({
      request,
      deadlineMs: SEND_TIMEOUT_MS,
      maySend: () => undefined,
    })
    const answer =
      outcome.kind === 'answered' ? venue.classify(action, outcome.response) : undefined
    return { outcome, answer }
  }

  /** The exchange's own word on what reached it. */
  record(): readonly SimulatedRequest[] {
    return readFileSync(this.recordPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => SimulatedRequest.parse(JSON.parse(line)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
