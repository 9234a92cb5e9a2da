import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

import type { CrashPoint } from '@chimera/contracts/crash-points'
import type {
  AdoptClaims,
  GrantClaims,
  ReceiptClaims,
  SettleClaims,
} from '@chimera/contracts/grant'
import { META_GRANT, META_IDEMPOTENCY_KEY, META_RECEIPT } from '@chimera/contracts/grant'
import { z } from 'zod'

import { openExclusiveDatabase } from '../ledger/exclusive-database.ts'
import { openLedger, type Ledger } from '../ledger/ledger.ts'
import { openGrantKeys } from '../protocol/grant-keys.ts'
import { openReceipts } from '../protocol/receipts.ts'
import type { Look, Reconciler } from '../protocol/reconcile.ts'
import { RULES, type Rules } from '../protocol/rules.ts'
import type { EffectDraft, ServedEffectTool } from '../serving/define-tool.ts'
import { createToolServer, type ToolServer } from '../tool-server.ts'
import { TestJudge } from './test-judge.ts'
import { TestProvider } from './test-provider.ts'
import { COOLDOWN_MS, defineTestTool } from './test-tool.ts'

/**
 * One account in this process: a real ledger in a temporary folder, the real protocol, a tool of
 * the simplest kind, a provider that is a list, a clock that the test moves.
 */
export class TestAccount implements AsyncDisposable {
  readonly name = 'account-1'
  readonly folder = mkdtempSync(join(tmpdir(), 'chimera-kit-'))
  readonly path = join(this.folder, 'ledger.sqlite')
  readonly judge = new TestJudge(this.folder)
  readonly provider = new TestProvider()
  readonly sent = this.provider.sent
  readonly answers = this.provider.answers
  readonly alarms: string[] = []
  readonly crashes: CrashPoint[] = []
  looks: Look[] = []
  /** What the provider answers by handle, where it has any. */
  lookByHandle: Reconciler['lookByHandle'] = undefined
  /** Real time, on both clocks. */
  clockMs = Date.now()
  /** By how much the wall clock has been put forward, or back. */
  jumpMs = 0
  isLive = false
  /** What a plan has otherwise than the plainest one. */
  draft: (text: string) => Partial<EffectDraft> = () => ({})
  tool: ServedEffectTool = defineTestTool({
    nextRef: () => {
      this.#refs = Math.max(this.#refs + 1, this.sent.length)
      return `ref-${this.#refs}`
    },
    draft: (text) => this.draft(text),
  })
  #refs = 0
  #rules: Partial<Rules> = {}
  #ledger: Ledger | undefined
  #server: ToolServer | undefined
  #boots: string[] = []

  get ledger(): Ledger {
    if (this.#ledger === undefined) throw new Error('The account is not open.')
    return this.#ledger
  }

  get server(): ToolServer {
    if (this.#server === undefined) throw new Error('The account is not open.')
    return this.#server
  }

  get status() {
    return this.server.control.status()
  }

  /** Opens the ledger and the server; a start of its own each time. */
  async open(
    options: {
      hello?: boolean
      rules?: Partial<Rules>
      grants?: 'required' | 'off'
      openDatabase?: (path: string) => DatabaseSync
    } = {},
  ): Promise<this> {
    this.#rules = options.rules ?? {}
    const clock = { wall: () => this.clockMs + this.jumpMs, monotonic: () => this.clockMs }
    const { openDatabase = openForgetful } = options
    this.#ledger = openLedger({
      path: this.path,
      account: this.name,
      clock,
      openDatabase,
    })
    const isOff = options.grants === 'off'
    this.#server = createToolServer({
      name: 'test',
      account: this.name,
      backend: { label: this.isLive ? 'live' : 'simulated', isLive: this.isLive },
      tools: [this.tool],
      ledger: this.#ledger,
      keys: isOff ? undefined : openGrantKeys({ file: this.judge.jwksFile, onFault: () => {} }),
      sign: openReceipts({
        key: JSON.stringify(this.judge.receiptKey.jwk),
        account: this.name,
        ledger: this.#ledger,
      }),
      reconciler: this.#reconciler(),
      log: {
        debug: () => {},
        info: () => {},
        warn: () => {},
        error: (facts, message) => {
          if ('alarm' in facts) this.alarms.push(message)
        },
      },
      crash: (label) => void this.crashes.push(label),
      fail: (cause) => {
        throw new Error('the process would have ended', { cause })
      },
      rules: { ...RULES, send: (given) => this.provider.send(given), ...this.#rules },
    })
    if (!isOff && (options.hello ?? true)) await this.hello()
    return this
  }

  async hello(other: Parameters<TestJudge['hello']>[1] = {}): Promise<void> {
    this.#boots.push(this.ledger.boot)
    const iat = Math.floor((this.clockMs + this.jumpMs) / 1000)
    const known = { iat, known_boots: [...this.#boots] }
    const jws = await this.judge.hello(this.status, { ...known, ...other })
    await this.server.control.hello(jws)
  }

  async close(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
    this.#ledger?.[Symbol.dispose]()
    this.#server = undefined
    this.#ledger = undefined
  }

  /** As after a SIGKILL: what was in hand is forgotten, the file is all there is. */
  async restart(options: Parameters<TestAccount['open']>[0] = {}): Promise<void> {
    await this.close()
    await this.open(options)
  }

  claims(wish: Partial<Parameters<TestJudge['claims']>[1]> = {}): GrantClaims {
    const iat = Math.floor((this.clockMs + this.jumpMs) / 1000)
    return this.judge.claims(this.status, { args: { text: 'hello' }, iat, ...wish })
  }

  async call(
    claims: GrantClaims,
    args: Record<string, unknown> = { text: 'hello' },
    grant?: string,
  ): Promise<Reply> {
    const jws = grant ?? (await this.judge.sign('grant', claims))
    return this.callWith(args, { [META_GRANT]: jws })
  }

  async callWith(args: unknown, meta: Record<string, string> = {}): Promise<Reply> {
    const result = await this.server.call(this.tool, args, {
      principal: 'someone',
      grant: meta[META_GRANT],
      idempotencyKey: meta[META_IDEMPOTENCY_KEY],
    })
    const { structuredContent, _meta: back } = Result.parse(result)
    const receipt = back?.[META_RECEIPT]
    return {
      status: structuredContent.status,
      code: structuredContent.code,
      retryAfterMs: structuredContent.retry_after_ms,
      receipt: receipt === undefined ? undefined : await this.judge.read(receipt),
    }
  }

  async askVoid(
    claims: GrantClaims,
    other: Parameters<TestJudge['voidOf']>[2] = {},
  ): Promise<ReceiptClaims> {
    const question = await this.judge.voidOf(this.status, claims, other)
    const { receipts } = await this.server.control.voidGrant(question)
    return this.judge.read(receipts[0] ?? '')
  }

  async settle(
    claims: GrantClaims,
    word: Pick<SettleClaims, 'outcome'> & Partial<SettleClaims>,
  ): Promise<ReceiptClaims> {
    const jws = await this.judge.settle(this.status, claims, word)
    const { receipts } = await this.server.control.settle(jws)
    return this.judge.read(receipts[0] ?? '')
  }

  async adopt(other: Partial<AdoptClaims> = {}): Promise<void> {
    const iat = Math.floor((this.clockMs + this.jumpMs) / 1000)
    const known = { iat, known_boots: [...this.#boots] }
    const jws = await this.judge.adopt(this.status, { ...known, ...other })
    await this.server.control.adopt(jws)
  }

  /** Lets the request go that the provider holds. */
  release(): void {
    this.provider.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #reconciler(): Reconciler {
    return {
      absence: { afterMs: COOLDOWN_MS, reads: 2, readsApartMs: 60_000 },
      look: async () => this.looks.shift() ?? { kind: 'not_yet' },
      ...(this.lookByHandle === undefined ? {} : { lookByHandle: this.lookByHandle }),
    }
  }
}

/** Nobody pulls the plug of a unit test, and waiting for the disk makes most of its time. */
function openForgetful(path: string): DatabaseSync {
  const database = openExclusiveDatabase(path)
  database.exec('PRAGMA synchronous = OFF')
  return database
}

export type Reply = Readonly<{
  status: string
  code: string | undefined
  retryAfterMs: number | undefined
  receipt: ReceiptClaims | undefined
}>

const Result = z.object({
  structuredContent: z.looseObject({
    status: z.string(),
    code: z.string().optional(),
    retry_after_ms: z.number().optional(),
  }),
  _meta: z.record(z.string(), z.string()).optional(),
})
