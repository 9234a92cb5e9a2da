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
import type { SendOptions, SendOutcome } from '../provider/send-once.ts'
import { defineEffectTool, type ServedEffectTool } from '../serving/define-tool.ts'
import { createToolServer, type ToolServer } from '../tool-server.ts'
import { TestJudge } from './test-judge.ts'

/** What the pretended provider does with the next request. */
export type Answer =
  | { kind: 'accept'; ref?: string }
  | { kind: 'refuse'; retryAfterMs?: number; code?: 'UPSTREAM_RATE_LIMITED' | 'UPSTREAM_REJECTED' }
  | { kind: 'lose' }
  | { kind: 'unreachable' }
  /** Held until `release` is called. */
  | { kind: 'hold'; next: Answer }

const COOLDOWN_MS = 900_000

/**
 * One account in this process: a real ledger in a temporary folder, the real protocol, a tool of
 * the simplest kind, a provider that is a list, a clock that the test moves.
 */
export class TestAccount implements AsyncDisposable {
  readonly name = 'account-1'
  readonly folder = mkdtempSync(join(tmpdir(), 'chimera-kit-'))
  readonly path = join(this.folder, 'ledger.sqlite')
  readonly judge = new TestJudge(this.folder)
  /** Every request that reached the provider, in order. */
  readonly sent: string[] = []
  readonly alarms: string[] = []
  readonly crashes: CrashPoint[] = []
  readonly answers: Answer[] = []
  looks: Look[] = []
  /** Real time, on both clocks. */
  clockMs = Date.now()
  /** By how much the wall clock has been put forward, or back. */
  jumpMs = 0
  isLive = false
  tool: ServedEffectTool
  #rules: Partial<Rules> = {}
  #ledger: Ledger | undefined
  #server: ToolServer | undefined
  #release: (() => void) | undefined
  #boots: string[] = []

  constructor() {
    this.tool = this.#defineTool()
  }

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
        ledger: { id: this.#ledger.id, boot: this.#ledger.boot, account: this.name },
        now: this.#ledger.now,
      }),
      reconciler: this.#reconciler(),
      log: {
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
      rules: { ...RULES, send: (given) => this.#send(given), ...this.#rules },
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
    this.#release?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #send(options: SendOptions): Promise<SendOutcome> {
    const refusal = options.maySend()
    if (refusal !== undefined) return { kind: 'not_sent', refusal }
    const answer = this.answers.shift() ?? { kind: 'accept' }
    if (answer.kind === 'unreachable') {
      const detail = 'refused before anything was written.'
      return { kind: 'not_sent', refusal: { code: 'UPSTREAM_UNAVAILABLE', detail } }
    }
    options.onSending?.()
    this.sent.push(options.request.body.toString('utf8'))
    return this.#answer(answer)
  }

  async #answer(answer: Answer): Promise<SendOutcome> {
    if (answer.kind === 'hold') {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#release = resolve
      await promise
      return this.#answer(answer.next)
    }
    if (answer.kind === 'lose') return { kind: 'unknown', detail: 'cut' }
    const body = Buffer.from(JSON.stringify(answer))
    return { kind: 'answered', response: { status: 200, headers: {}, body } }
  }

  #reconciler(): Reconciler {
    return {
      absence: { afterMs: COOLDOWN_MS, reads: 2, readsApartMs: 60_000 },
      look: async () => this.looks.shift() ?? { kind: 'not_yet' },
    }
  }

  #defineTool(): ServedEffectTool {
    return defineEffectTool({
      name: 'post_tweet',
      title: 'Say',
      description: 'Says something.',
      scope: 'tweet:write',
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: true,
      },
      input: { text: z.string().min(1).max(100), labelled: z.boolean().optional() },
      output: { ref: z.string() },
      plan: ({ text, labelled = true }) => ({
        content: text,
        costUsdMicros: 15_000n,
        deadlineMs: 10_000,
        prepare: () => ({
          method: 'POST',
          url: 'http://127.0.0.1:9/say',
          headers: { authorization: 'Bearer secret-of-the-provider' },
          body: Buffer.from(text),
        }),
        checkLimits: (limits) =>
          limits.ai_label_required && !labelled
            ? { code: 'LIMIT_EXCEEDED', detail: 'A label is required.' }
            : undefined,
        checkWindow: ({ nowMs, lastLeftBy }) => {
          const waitMs = (lastLeftBy('post_tweet') ?? -COOLDOWN_MS) + COOLDOWN_MS - nowMs
          return waitMs > 0
            ? { code: 'COOLDOWN_ACTIVE', detail: 'Too early.', retryAfterMs: waitMs }
            : undefined
        },
        classify: ({ body }) => this.#classify(body),
      }),
      describe: (entry) => (entry.providerRef === undefined ? {} : { ref: entry.providerRef }),
      intentOf: ({ text }) => text,
    })
  }

  #classify(body: Buffer) {
    const said = Said.parse(JSON.parse(body.toString('utf8')))
    if (said.kind === 'accept') {
      return {
        outcome: 'accepted',
        providerRef: said.ref ?? `ref-${this.sent.length}`,
      } as const
    }
    const { code = 'UPSTREAM_REJECTED', retryAfterMs } = said
    return {
      outcome: 'refused',
      code,
      detail: 'no',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    } as const
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

const Said = z.object({
  kind: z.enum(['accept', 'refuse']),
  ref: z.string().optional(),
  retryAfterMs: z.number().optional(),
  code: z.enum(['UPSTREAM_RATE_LIMITED', 'UPSTREAM_REJECTED']).optional(),
})

const Result = z.object({
  structuredContent: z.looseObject({
    status: z.string(),
    code: z.string().optional(),
    retry_after_ms: z.number().optional(),
  }),
  _meta: z.record(z.string(), z.string()).optional(),
})
