import { join } from 'node:path'

import { META_GRANT, META_IDEMPOTENCY_KEY, type GrantClaims } from '@chimera/contracts/grant'
import { openExclusiveDatabase } from '@chimera/mcp-kit/ledger/exclusive-database'
import { openLedger, type Ledger } from '@chimera/mcp-kit/ledger/ledger'
import { openGrantKeys } from '@chimera/mcp-kit/protocol/grant-keys'
import { openReceipts } from '@chimera/mcp-kit/protocol/receipts'
import { RULES, type Rules } from '@chimera/mcp-kit/protocol/rules'
import { createKey, TestJudge } from '@chimera/mcp-kit/testing/test-judge'
import { createToolServer, type ToolServer } from '@chimera/mcp-kit/tool-server'
import { z } from 'zod'

import { restrictedOf } from '../limits/restricted-symbols.ts'
import { limitsOf, type TradingLimits } from '../limits/trading-limits.ts'
import { ExchangeRig } from '../simulated-exchange/testing/exchange-rig.ts'
import { tradingTools } from '../tools/trading-tools.ts'
import { orderReconciler } from '../venue/order-reconciler.ts'
import type { Venue } from '../venue/venue.ts'

const Result = z.object({
  structuredContent: z.looseObject({
    status: z.string(),
    code: z.string().optional(),
    message: z.string().optional(),
  }),
  isError: z.boolean(),
})
/** What a call said, with whatever fields its tool has. */
export type Said = z.infer<typeof Result>['structuredContent'] & { readonly isError: boolean }

/** A trading account in this process: real ledger, real protocol, a real exchange on loopback. */
export class TradingRig implements AsyncDisposable {
  readonly exchange = new ExchangeRig()
  readonly account = 'trading-1'
  readonly judge = new TestJudge(this.exchange.folder)
  /** Set before `open`. */
  limits: Partial<TradingLimits> = {}
  grants: 'required' | 'off' = 'off'
  rules: Partial<Rules> = {}
  /** More than a busy machine takes; shorter where a test waits for it to pass. */
  sendTimeoutMs = 5_000
  venue: Venue | undefined
  /** What the tools see of the ledger, where a test takes a part of it away. */
  seen: (ledger: Ledger) => Ledger = (ledger) => ledger
  /** The same for what the kit sees of it. */
  seenByKit: (ledger: Ledger) => Ledger = (ledger) => ledger
  #ledger: Ledger | undefined
  #server: ToolServer | undefined
  #keys = 0

  get ledger(): Ledger {
    if (this.#ledger === undefined) throw new Error('The account is not open.')
    return this.#ledger
  }

  get server(): ToolServer {
    if (this.#server === undefined) throw new Error('The account is not open.')
    return this.#server
  }

  async open(): Promise<this> {
    await this.exchange.open()
    await this.exchange.control({ prices: { BTC: '50000', ETH: '3000' } })
    await this.start()
    return this
  }

  /** A start of the tool server on the ledger as it is. */
  async start(): Promise<void> {
    const venue = this.venue ?? this.exchange.venue
    const ledger = openLedger({
      path: join(this.exchange.folder, 'ledger.sqlite'),
      account: this.account,
      openDatabase: openForgetful,
    })
    this.#ledger = ledger
    const isOff = this.grants === 'off'
    this.#server = createToolServer({
      name: 'trading',
      account: this.account,
      backend: { label: venue.name, isLive: venue.isLive },
      tools: tradingTools({
        venue,
        mode: { name: venue.isLive ? 'live' : 'paper', why: [] },
        ledger: this.seen(ledger),
        limits: limitsOf(this.limits),
        restricted: restrictedOf('USDT,LUNA,FTT,HYPE'),
        sendTimeoutMs: this.sendTimeoutMs,
      }),
      ledger: this.seenByKit(ledger),
      keys: isOff
        ? undefined
        : openGrantKeys({ file: this.judge.jwksFile, onFault: () => undefined }),
      sign: openReceipts({
        key: JSON.stringify(createKey().jwk),
        account: this.account,
        ledger,
      }),
      reconciler: orderReconciler(venue),
      log: {
        debug: () => undefined,
        info: () => undefined,
        warn: () => undefined,
        error: () => undefined,
      },
      crash: () => undefined,
      fail: (cause) => {
        throw new Error('the process would have ended', { cause })
      },
      rules: { ...RULES, ...this.rules },
    })
    if (!isOff) {
      const { control } = this.#server
      const known = { known_boots: [...ledger.boots.all()] }
      await control.hello(await this.judge.hello(control.status(), known))
    }
  }

  /** As after a SIGKILL: the ledger's file is all there is. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
    this.#ledger?.[Symbol.dispose]()
    this.#server = undefined
    this.#ledger = undefined
  }

  /** As a client of one's own, under a key; a fresh one when none is given. */
  async call(tool: string, args: object = {}, key = `key-${(this.#keys += 1)}`): Promise<Said> {
    return this.#callWith(tool, args, { [META_IDEMPOTENCY_KEY]: key })
  }

  async grant(tool: string, args: Record<string, unknown>, wish: Partial<GrantClaims> = {}) {
    const claims = this.judge.claims(this.server.control.status(), { tool, args, ...wish })
    return { claims, jws: await this.judge.sign('grant', claims) }
  }

  async callGranted(tool: string, args: object, jws: string): Promise<Said> {
    return this.#callWith(tool, args, { [META_GRANT]: jws })
  }

  /** Looks until nothing is unknown any more. */
  async settleAll(): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      if (this.ledger.entries.inState('UNKNOWN').length === 0) return
      // Nothing is signed: an outside client's effect has no receipt.
      const { next_in_ms: nextMs = 20 } = await this.server.control.reconcile([])
      await new Promise((resolve) => {
        setTimeout(resolve, Math.min(Math.max(nextMs, 5), 100))
      })
    }
    throw new Error('An effect stayed unknown.')
  }

  async #callWith(tool: string, args: object, meta: Record<string, string>): Promise<Said> {
    const served = this.server.tools.find(({ definition }) => definition.name === tool)
    if (served === undefined) throw new Error(`There is no tool ${tool}.`)
    const result = await this.server.call(served, args, {
      principal: 'someone',
      grant: meta[META_GRANT],
      idempotencyKey: meta[META_IDEMPOTENCY_KEY],
    })
    const { structuredContent, isError } = Result.parse(result)
    // What leaves is held to the schema, and so is what a test sees.
    served.output.parse(structuredContent)
    return { ...structuredContent, isError }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.exchange[Symbol.asyncDispose]()
  }
}

/** Nobody pulls the plug of these tests, and waiting for the disk makes most of their time. */
function openForgetful(path: string): ReturnType<typeof openExclusiveDatabase> {
  const database = openExclusiveDatabase(path)
  database.exec('PRAGMA synchronous = OFF')
  return database
}
