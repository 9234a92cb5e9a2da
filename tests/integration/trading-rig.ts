import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { SimulatedRequest } from '@chimera/contracts/observable'
import { playCandles } from '@chimera/mcp-trading/candles/candle-player'
import { loadRecording } from '@chimera/mcp-trading/candles/recording'
import { hyperliquidVenue } from '@chimera/mcp-trading/hyperliquid/hyperliquid-venue'
import { openAgentWallet } from '@chimera/mcp-trading/hyperliquid/signing/agent-wallet'
import type { ExchangeControl } from '@chimera/mcp-trading/simulated-exchange/faults'
import {
  openSimulatedExchange,
  type SimulatedExchange,
} from '@chimera/mcp-trading/simulated-exchange/open-simulated-exchange'
import type { Venue } from '@chimera/mcp-trading/venue/venue'
import { z } from 'zod'

import type { Env } from './tool-process.ts'
import { Rig } from './tool-rig.ts'

/** Found nowhere but where it belongs: what a test of leaks looks for. */
const CANARY_KEY = '0xca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a7ca9a'
const ORDER_PATH = '/exchange'

const Order = z.object({ action: z.looseObject({ type: z.string() }) })

/**
 * A trading server as a process of its own, and a paper exchange in this one, where nothing is done
 * to it: prices stand where the test puts them.
 */
export class TradingRig extends Rig {
  override readonly mains = {
    product: 'mcp-tools/trading/main.ts',
    composed: 'tests/integration/trading-composed.ts',
  }
  readonly recordPath = join(this.folder, 'exchange.jsonl')
  readonly #wallet = openAgentWallet(CANARY_KEY, 'testnet')
  #exchange: SimulatedExchange | undefined

  /** The account as the exchange itself shows it. */
  get venue(): Venue {
    const baseUrl = new URL(this.#exchange?.url ?? 'http://127.0.0.1:9')
    const wallet = this.#wallet
    return hyperliquidVenue({
      name: 'paper',
      baseUrl,
      wallet,
      account: wallet.address,
      now: Date.now,
    })
  }

  async startExchange(): Promise<void> {
    this.#exchange = await openSimulatedExchange({
      port: 0,
      recordPath: this.recordPath,
      accounts: [{ address: this.#wallet.address, agents: [] }],
      source: playCandles(loadRecording()),
      weightLimit: 1_000_000,
    })
    await this.tell({ prices: { BTC: '50000' } })
  }

  override env(other: Env = {}): Env {
    return super.env({
      TOOL_ACCOUNT: 'exchange-paper',
      SIMULATED_EXCHANGE_URL: this.#exchange?.url ?? '',
      SIMULATED_EXCHANGE_KEY: CANARY_KEY,
      TRADING_ABSENCE_MS: '150',
      TRADING_SEND_TIMEOUT_MS: '2500',
      ...other,
    })
  }

  async tell(control: ExchangeControl): Promise<void> {
    const response = await fetch(`${this.#exchange?.url}/__control`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(control),
    })
    if (!response.ok) throw new Error(await response.text())
  }

  /** What a record does about a grant whose answer it does not have. */
  async endOf(claims: GrantClaims, args: Record<string, unknown>): Promise<ReceiptClaims> {
    const again = await this.call(claims, args)
    const receipt = again.receipt ?? (await this.askVoid(claims))
    return receipt.state === 'UNKNOWN' ? this.settled(claims.jti) : receipt
  }

  /**
   * Where the account's key can be read, as text or as bytes: ledger, crash file, the exchange's
   * record of the wire, log, arguments of the process, status and metrics. It should be nowhere.
   */
  async placesOfTheKey(): Promise<string[]> {
    const bare = CANARY_KEY.slice(2, 34)
    const holds = (content: Buffer): boolean =>
      content.includes(Buffer.from(bare, 'hex')) ||
      content.toString('latin1').toLowerCase().includes(bare)
    const ready = z.object({ health: z.string() }).parse(await this.tool.ready)
    const metrics = await (await fetch(new URL('/metrics', ready.health))).text()
    const files = readdirSync(this.folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(this.folder, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => [path, readFileSync(path)] as const)
    const said = [
      ['log', this.tool.lines.join('\n')],
      ['arguments', readFileSync(`/proc/${this.tool.child.pid}/cmdline`, 'utf8')],
      ['status', JSON.stringify(await this.control('GET', 'status'))],
      ['metrics', metrics],
    ].map(([place = '', text = '']) => [place, Buffer.from(text)] as const)
    return [...files, ...said].flatMap(([place, content]) => (holds(content) ? [place] : []))
  }

  /** What the exchange has taken, by its own record: orders, or the cancels of them. */
  taken(type: 'order' | 'cancel' = 'order'): SimulatedRequest[] {
    return readFileSync(this.recordPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => SimulatedRequest.parse(JSON.parse(line)))
      .filter((line) => line.path === ORDER_PATH && line.outcome !== 'refused')
      .filter((line) => Order.parse(line.body).action.type.startsWith(type))
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#exchange?.close()
    await super[Symbol.asyncDispose]()
  }
}
