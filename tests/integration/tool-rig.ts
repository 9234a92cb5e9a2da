/**
 * A tweet server and a simulated X as processes of their own, and the Judge's side of the protocol:
 * what tests of tool servers start from. Everything is in a temporary folder and ends with the rig.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { META_GRANT, META_RECEIPT } from '@chimera/contracts/grant'
import { FenceReply, ReceiptsReply, ToolStatus } from '@chimera/contracts/tool-control'
import { TestJudge, type GrantWish } from '@chimera/mcp-kit/testing/test-judge'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { z } from 'zod'

import { freePort, startProcess, type Env, type Proc } from './tool-process.ts'
import { openRigX, X_TOKEN, type Recorded, type RigX } from './tool-rig-x.ts'

const TOKEN = 'mcp-token-of-the-tests'
const CONTROL = 'control-token-of-the-tests'
const STOP = 'stop-token-of-the-tests'
export const TOKENS = { mcp: TOKEN, control: CONTROL, stop: STOP } as const

/** What a call came to, as its caller sees it. */
export type Called = {
  readonly isError: boolean
  readonly status: string
  readonly code: string | undefined
  readonly retryAfterMs: number | undefined
  readonly receipt: ReceiptClaims | undefined
  readonly fields: Record<string, unknown>
}

const Result = z.looseObject({
  isError: z.boolean().default(false),
  structuredContent: z.record(z.string(), z.unknown()).default({}),
  _meta: z.record(z.string(), z.unknown()).default({}),
})

export class Rig implements AsyncDisposable {
  /** The process under test, and its composition of the tests. */
  readonly mains = {
    product: 'mcp-tools/tweet/main.ts',
    composed: 'tests/integration/tool-composed.ts',
  }
  readonly folder = mkdtempSync(join(tmpdir(), 'chimera-tool-'))
  readonly judge: TestJudge
  readonly ledgerPath: string
  readonly mediaFolder = join(this.folder, 'media')
  readonly #stack = new AsyncDisposableStack()
  #x: RigX | undefined
  #toolPort = 0
  #tool: Proc | undefined
  #status: ToolStatus | undefined
  #boots: string[] = []

  constructor() {
    mkdirSync(join(this.folder, 'state'), { recursive: true })
    mkdirSync(this.mediaFolder)
    this.judge = new TestJudge(this.folder)
    this.ledgerPath = join(this.folder, 'ledger.sqlite')
    writeFileSync(join(this.folder, 'receipt.jwk'), JSON.stringify(this.judge.receiptKey.jwk))
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  get status(): ToolStatus {
    if (this.#status === undefined) throw new Error('The tool server has not been started.')
    return this.#status
  }

  get url(): string {
    return `http://127.0.0.1:${this.#toolPort}`
  }

  get tool(): Proc {
    if (this.#tool === undefined) throw new Error('The tool server has not been started.')
    return this.#tool
  }

  /** `inside`: X is served by this process, where nothing is done to it; that starts sooner. */
  /** `inside` this process it starts sooner, and dies with it. */
  async startX(of: { inside?: boolean } = {}): Promise<void> {
    this.#x = this.#stack.use(await openRigX({ folder: this.folder, ...of }))
  }

  env(other: Env = {}): Env {
    return {
      TOOL_ACCOUNT: 'x-simulated',
      TOOL_PORT: String(this.#toolPort),
      TOOL_LEDGER: this.ledgerPath,
      GRANTS: 'required',
      GRANT_JWKS_FILE: this.judge.jwksFile,
      RECEIPT_KEY_FILE: join(this.folder, 'receipt.jwk'),
      TOOL_TOKEN: TOKEN,
      TOOL_CONTROL_TOKEN: CONTROL,
      TOOL_STOP_TOKEN: STOP,
      TWEET_BACKEND: 'simulated',
      SIMULATED_X_URL: this.#x?.url ?? '',
      SIMULATED_X_TOKEN: X_TOKEN,
      CHIMERA_STATE_DIR: join(this.folder, 'state'),
      TWEET_MEDIA_DIR: this.mediaFolder,
      ...other,
    }
  }

  /** Starts the tweet server (again). With `hello` it is open when this returns. */
  async startTool(
    options: { env?: Env; hello?: boolean; composed?: readonly string[]; newPort?: boolean } = {},
  ): Promise<ToolStatus> {
    if (this.#toolPort === 0 || options.newPort === true) this.#toolPort = await freePort()
    const { composed } = options
    const main = composed === undefined ? this.mains.product : this.mains.composed
    this.#tool = this.#stack.use(startProcess(main, this.env(options.env), composed))
    await this.#tool.ready
    this.#status = ToolStatus.parse(await this.control('GET', 'status'))
    if (options.hello ?? true) await this.hello()
    return this.#status
  }

  async hello(other: Parameters<TestJudge['hello']>[1] = {}): Promise<ToolStatus> {
    const { boot } = this.status.ledger
    if (!this.#boots.includes(boot)) this.#boots.push(boot)
    const hello = await this.judge.hello(this.status, { known_boots: this.#boots, ...other })
    this.#status = ToolStatus.parse(await this.control('POST', 'hello', { hello }))
    return this.#status
  }

  async control(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.url}/control/${path}`, {
      method,
      headers: { authorization: `Bearer ${CONTROL}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${text}`)
    return JSON.parse(text)
  }

  async fence(scope: string, epoch: number, stopped = true): Promise<FenceReply> {
    return FenceReply.parse(await this.control('POST', 'fence', { scope, epoch, stopped }))
  }

  async askVoid(grant: GrantClaims): Promise<ReceiptClaims> {
    const question = await this.judge.voidOf(this.status, grant)
    const reply = ReceiptsReply.parse(await this.control('POST', 'void', { void: question }))
    return this.judge.read(reply.receipts[0] ?? '')
  }

  async settle(
    grant: GrantClaims,
    word: Parameters<TestJudge['settle']>[2],
  ): Promise<ReceiptClaims> {
    const settle = await this.judge.settle(this.status, grant, word)
    const reply = ReceiptsReply.parse(await this.control('POST', 'settle', { settle }))
    return this.judge.read(reply.receipts[0] ?? '')
  }

  /** Writes what a record would know into a ledger that is behind. */
  async adopt(other: Parameters<TestJudge['adopt']>[1] = {}): Promise<ToolStatus> {
    const known = { known_boots: this.#boots, ...other }
    const adopt = await this.judge.adopt(this.status, known)
    this.#status = ToolStatus.parse(await this.control('POST', 'adopt', { adopt }))
    return this.#status
  }

  async reconcile(
    grantIds?: string[],
  ): Promise<{ receipts: ReceiptClaims[]; nextInMs: number | undefined }> {
    const body = grantIds === undefined ? {} : { grant_ids: grantIds }
    const reply = ReceiptsReply.parse(await this.control('POST', 'reconcile', body))
    const receipts = await Promise.all(reply.receipts.map((jws) => this.judge.read(jws)))
    return { receipts, nextInMs: reply.next_in_ms }
  }

  /** Asks until the grant's effect is no longer UNKNOWN. */
  async settled(grantId: string, withinMs = 20_000): Promise<ReceiptClaims> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const { receipts, nextInMs } = await this.reconcile([grantId])
      const [receipt] = receipts
      if (receipt !== undefined && receipt.state !== 'UNKNOWN') return receipt
      if (Date.now() > deadline) throw new Error(`${grantId} is still ${receipt?.state ?? 'open'}`)
      await sleep(Math.min(Math.max(nextInMs ?? 50, 20), 500))
    }
  }

  claims(wish: GrantWish): GrantClaims {
    return this.judge.claims(this.status, wish)
  }

  /** Calls a tool with the grant of these claims, through the v2 client. */
  async call(
    claims: GrantClaims,
    args: Record<string, unknown>,
    options: { grant?: string; tool?: string; client?: Client } = {},
  ): Promise<Called> {
    const grant = options.grant ?? (await this.judge.sign('grant', claims))
    const { tool = claims.tool, client } = options
    return this.callTool(tool, args, { meta: { [META_GRANT]: grant }, ...(client && { client }) })
  }

  async callTool(
    name: string,
    args: Record<string, unknown>,
    options: { meta?: Record<string, unknown>; client?: Client } = {},
  ): Promise<Called> {
    const client = options.client ?? (await this.connect())
    try {
      const result = await client.request({
        method: 'tools/call',
        params: { name, arguments: args, _meta: options.meta ?? {} },
      })
      return await this.#read(result)
    } finally {
      if (options.client === undefined) await client.close()
    }
  }

  async connect(): Promise<Client> {
    const client = new Client(
      { name: 'tests', version: '1' },
      { versionNegotiation: { mode: 'auto' } },
    )
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp', this.url), {
        requestInit: { headers: { authorization: `Bearer ${TOKEN}` } },
      }),
    )
    return client
  }

  async #read(result: unknown): Promise<Called> {
    const { isError, structuredContent: fields, _meta: meta } = Result.parse(result)
    const receipt = meta[META_RECEIPT]
    return {
      isError,
      status: String(fields['status']),
      code: typeof fields['code'] === 'string' ? fields['code'] : undefined,
      retryAfterMs:
        typeof fields['retry_after_ms'] === 'number' ? fields['retry_after_ms'] : undefined,
      receipt: typeof receipt === 'string' ? await this.judge.read(receipt) : undefined,
      fields,
    }
  }

  /** What reached X and was taken by it, by X's own record. */
  posts(): Recorded[] {
    return this.#openX.posts()
  }

  requests(): Recorded[] {
    return this.#openX.requests()
  }

  /** Tells X to fail, or how to behave (design section 10). */
  async tellX(control: object): Promise<void> {
    await this.#openX.tell(control)
  }

  get #openX(): RigX {
    if (this.#x === undefined) throw new Error('X has not been started.')
    return this.#x
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** A rig with X and an open tweet server. */
export async function openRig(env: Env = {}, composed?: readonly string[]): Promise<Rig> {
  const rig = new Rig()
  try {
    await rig.startX()
    await rig.startTool({ env, ...(composed === undefined ? {} : { composed }) })
    return rig
  } catch (error) {
    await rig[Symbol.asyncDispose]()
    throw error
  }
}
