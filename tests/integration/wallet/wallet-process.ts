/** A wallet as a process of its own, on a simulated chain in this one. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { META_GRANT, META_RECEIPT } from '@chimera/contracts/grant'
import { ReceiptsReply, ToolStatus } from '@chimera/contracts/tool-control'
import { TestJudge, type GrantWish } from '@chimera/mcp-kit/testing/test-judge'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { z } from 'zod'

import type { Address } from '#wallet/chain/address'
import { addressOfKey } from '#wallet/signing/private-key'

import { freePort, startProcess, type Env, type Proc } from '../tool-process.ts'
import { openEvmRig, type EvmRig } from './evm-rig.ts'
import { newKey } from './test-signer.ts'
import { limitsWith } from './wallet-limits.ts'
import { ACCOUNT, Result, type Called } from './wallet-rig.ts'

const TOKEN = 'mcp-token-of-the-tests'
const CONTROL = 'control-token-of-the-tests'

export class WalletProcess implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'chimera-wallet-'))
  readonly judge = new TestJudge(this.folder)
  readonly key = newKey()
  readonly address: Address = addressOfKey(this.key)
  readonly ledgerPath = join(this.folder, 'ledger.sqlite')
  readonly stateDir = join(this.folder, 'state')
  /** All lines of all lives. */
  readonly lines: string[] = []
  readonly #stack = new AsyncDisposableStack()
  #evm: EvmRig | undefined
  #proc: Proc | undefined
  #port = 0
  #status: ToolStatus | undefined
  #boots: string[] = []

  constructor() {
    mkdirSync(this.stateDir)
    writeFileSync(join(this.folder, 'receipt.jwk'), JSON.stringify(this.judge.receiptKey.jwk))
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  get evm(): EvmRig {
    if (this.#evm === undefined) throw new Error('The chain is not open.')
    return this.#evm
  }

  get proc(): Proc {
    if (this.#proc === undefined) throw new Error('The wallet has not been started.')
    return this.#proc
  }

  get status(): ToolStatus {
    if (this.#status === undefined) throw new Error('The wallet has not been started.')
    return this.#status
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async openChain(): Promise<void> {
    this.#evm = this.#stack.use(await openEvmRig(this.folder))
  }

  env(other: Env = {}, allowed: Record<string, unknown> = limitsWith()): Record<string, string> {
    const limits = join(this.folder, 'limits.json')
    writeFileSync(limits, JSON.stringify(allowed))
    return {
      TOOL_ACCOUNT: ACCOUNT,
      TOOL_PORT: String(this.#port),
      TOOL_LEDGER: this.ledgerPath,
      GRANTS: 'required',
      GRANT_JWKS_FILE: this.judge.jwksFile,
      RECEIPT_KEY_FILE: join(this.folder, 'receipt.jwk'),
      TOOL_TOKEN: TOKEN,
      TOOL_CONTROL_TOKEN: CONTROL,
      CHIMERA_STATE_DIR: this.stateDir,
      WALLET_NETWORK: 'simulated',
      WALLET_LIMITS_FILE: limits,
      WALLET_PRIVATE_KEY: this.key,
      WALLET_SEND_TIMEOUT_MS: '1000',
      WALLET_FOLLOW_MS: '3000',
      SIMULATED_EVM_URL: this.evm.url,
      ...other,
    }
  }

  /** Starts the wallet (again): the composition of the tests, or the product with AgentKit. */
  async start(
    options: { env?: Env; without?: string; product?: boolean } = {},
  ): Promise<ToolStatus> {
    if (this.#evm === undefined) await this.openChain()
    if (this.#port === 0) this.#port = await freePort()
    const { without, product = false } = options
    const main = product
      ? 'mcp-tools/wallet/main.ts'
      : 'tests/integration/wallet/wallet-composed.ts'
    const args = without === undefined ? [] : [`without=${without}`]
    const proc = this.#stack.use(startProcess(main, this.env(options.env), args))
    this.#proc = proc
    proc.child.on('exit', () => this.lines.push(...proc.lines))
    await proc.ready
    this.#status = ToolStatus.parse(await this.control('GET', 'status'))
    const { boot } = this.#status.ledger
    this.#boots.push(boot)
    const known = { known_boots: [...this.#boots] }
    const hello = await this.judge.hello(this.#status, known)
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

  claims(wish: GrantWish): GrantClaims {
    return this.judge.claims(this.status, { slot: 'pay:1', ...wish })
  }

  async call(claims: GrantClaims, args: Record<string, unknown>): Promise<Called> {
    const client = await this.connect()
    try {
      const grant = await this.judge.sign('grant', claims)
      return await this.callTool(client, claims.tool, args, { [META_GRANT]: grant })
    } finally {
      await client.close()
    }
  }

  async callTool(
    client: Client,
    name: string,
    args: Record<string, unknown>,
    meta: Record<string, unknown> = {},
  ): Promise<Called> {
    const params = { name, arguments: args, _meta: meta }
    const result = Result.parse(await client.request({ method: 'tools/call', params }))
    const { isError, structuredContent: fields, _meta: back } = result
    const receipt = back[META_RECEIPT]
    const { status, code } = fields
    const read = typeof receipt === 'string' ? await this.judge.read(receipt) : undefined
    return { isError, status, code, fields, receipt: read }
  }

  async connect(): Promise<Client> {
    const client = new Client(
      { name: 'tests', version: '1' },
      { versionNegotiation: { mode: 'auto' } },
    )
    const headers = { authorization: `Bearer ${TOKEN}` }
    const at = new URL('/mcp', this.url)
    await client.connect(new StreamableHTTPClientTransport(at, { requestInit: { headers } }))
    return client
  }

  /** Asks for the end of a grant as the record does. */
  async askVoid(grant: GrantClaims): Promise<ReceiptClaims> {
    const question = await this.judge.voidOf(this.status, grant)
    const reply = ReceiptsReply.parse(await this.control('POST', 'void', { void: question }))
    return this.judge.read(reply.receipts[0] ?? '')
  }

  /** Asks until the grant's effect is no longer UNKNOWN. */
  async settled(grantId: string, withinMs = 20_000): Promise<ReceiptClaims> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const body = { grant_ids: [grantId] }
      const reply = ReceiptsReply.parse(await this.control('POST', 'reconcile', body))
      const receipt = await this.judge.read(reply.receipts[0] ?? '')
      if (receipt.state !== 'UNKNOWN') return receipt
      if (Date.now() > deadline) throw new Error(`${grantId} is still UNKNOWN`)
      await sleep(50)
    }
  }

  /** Resident memory of the process. */
  residentBytes(): number {
    const text = readFileSync(`/proc/${this.proc.child.pid}/status`, 'utf8')
    return Number(z.string().parse(/VmRSS:\s+(\d+)/.exec(text)?.[1])) * 1_024
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
