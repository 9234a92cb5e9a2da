/**
 * A wallet in this process on a simulated chain with a real anvil: what tests of the wallet start
 * from. Its signer is of the tests (AgentKit takes 2 s and 200 MB, and has tests of its own); every
 * other part is the product's.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { AdoptClaims, GrantClaims, ReceiptClaims } from '@chimera/contracts/grant'
import { META_RECEIPT } from '@chimera/contracts/grant'
import { openToolServer, type ToolKind } from '@chimera/mcp-kit/open-tool-process'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { TestJudge, type GrantWish } from '@chimera/mcp-kit/testing/test-judge'
import type { ToolServer } from '@chimera/mcp-kit/tool-server'
import { loadConfig } from '@chimera/runtime/config'
import { openCrashPoints } from '@chimera/runtime/crash-point'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import type { Address } from '#wallet/chain/address'
import { addressOfKey } from '#wallet/signing/private-key'
import { walletKind } from '#wallet/wallet-kind'

import { openEvmRig, type EvmRig } from './evm-rig.ts'
import { newKey, testSigner } from './test-signer.ts'
import { limitsWith } from './wallet-limits.ts'

export const ACCOUNT = 'wallet-simulated'

/** What a call came to. */
export type Called = Readonly<{
  status: string
  code: string | undefined
  isError: boolean
  receipt: ReceiptClaims | undefined
  fields: Record<string, unknown>
}>

export const Result = z.looseObject({
  isError: z.boolean().default(false),
  structuredContent: z.looseObject({ status: z.string(), code: z.string().optional() }),
  _meta: z.record(z.string(), z.unknown()).default({}),
})

/** What a test may take out or put in. */
export type WalletWish = Readonly<{
  limits?: Record<string, unknown>
  grants?: 'required' | 'off'
  env?: Record<string, string>
  rules?: Rules
  change?: (kind: ToolKind) => ToolKind
}>

export class WalletRig implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'chimera-wallet-'))
  readonly judge = new TestJudge(this.folder)
  readonly key = newKey()
  readonly address: Address = addressOfKey(this.key)
  readonly #wish: WalletWish
  #evm: EvmRig | undefined
  #server: ToolServer | undefined
  #stack = new AsyncDisposableStack()
  #boots: string[] = []

  constructor(wish: WalletWish = {}) {
    this.#wish = wish
  }

  get evm(): EvmRig {
    if (this.#evm === undefined) throw new Error('The chain is not open.')
    return this.#evm
  }

  get server(): ToolServer {
    if (this.#server === undefined) throw new Error('The wallet is not open.')
    return this.#server
  }

  get status() {
    return this.server.control.status()
  }

  async open(wish: WalletWish = this.#wish): Promise<this> {
    this.#evm ??= await openEvmRig(this.folder)
    const limits = join(this.folder, 'limits.json')
    writeFileSync(limits, JSON.stringify(wish.limits ?? limitsWith()))
    const config = loadConfig(['base', 'toolServer', 'wallet'], {
      LOG_LEVEL: 'error',
      TOOL_ACCOUNT: ACCOUNT,
      TOOL_LEDGER: join(this.folder, 'ledger.sqlite'),
      GRANTS: wish.grants ?? 'required',
      GRANT_JWKS_FILE: this.judge.jwksFile,
      RECEIPT_KEY: JSON.stringify(this.judge.receiptKey.jwk),
      WALLET_NETWORK: 'simulated',
      WALLET_LIMITS_FILE: limits,
      WALLET_PRIVATE_KEY: this.key,
      WALLET_SEND_TIMEOUT_MS: '1000',
      WALLET_FOLLOW_MS: '3000',
      SIMULATED_EVM_URL: this.evm.url,
      ...wish.env,
    })
    const none = { spec: undefined, stateDir: undefined, runId: undefined, process: 'test' }
    const crash = openCrashPoints(none)
    const openSigner = () => testSigner(this.key)
    const kind = walletKind({ config, account: ACCOUNT, isCrashArmed: false, openSigner })
    const { rules, change = (same: ToolKind) => same } = wish
    const composed = change(rules === undefined ? kind : { ...kind, rules })
    const log = openLog({ name: 'wallet', level: 'silent' })
    this.#server = openToolServer({ config, stack: this.#stack, log, crash }, composed)
    if (wish.grants !== 'off') await this.#hello()
    return this
  }

  /** As after a kill: nothing is known but what is in the file. */
  async restart(wish: WalletWish = this.#wish): Promise<void> {
    await this.#stack.disposeAsync()
    this.#stack = new AsyncDisposableStack()
    await this.open(wish)
  }

  /** The ledger is gone, and what the record knows is written into the next one. */
  async loseLedger(effects: AdoptClaims['effects']): Promise<void> {
    await this.#stack.disposeAsync()
    this.#stack = new AsyncDisposableStack()
    for (const end of ['', '-wal', '-shm']) {
      rmSync(join(this.folder, `ledger.sqlite${end}`), { force: true })
    }
    await this.open()
    const known = { known_boots: [...this.#boots], highest_seq: 1_000, effects }
    await this.server.control.adopt(await this.judge.adopt(this.status, known))
  }

  /** The record greets it again, as after an adoption. */
  async greet(): Promise<void> {
    const known = { known_boots: [...this.#boots] }
    await this.server.control.hello(await this.judge.hello(this.status, known))
  }

  /** The chain dies and comes back from its record. */
  async restartChain(): Promise<void> {
    await this.#evm?.[Symbol.asyncDispose]()
    this.#evm = undefined
    await this.restart()
  }

  claims(wish: GrantWish): GrantClaims {
    return this.judge.claims(this.status, wish)
  }

  /** Pays with a grant of its own, unless one is given. */
  async pay(
    tool: 'transfer_native' | 'transfer_erc20' | 'unstick_transfer',
    args: Record<string, unknown>,
    grant: GrantClaims = this.claims({ tool, args, slot: 'pay:1' }),
  ): Promise<Called> {
    return this.call(tool, args, { grant: await this.judge.sign('grant', grant) })
  }

  async call(
    name: string,
    args: Record<string, unknown>,
    how: { grant?: string; key?: string; principal?: string } = {},
  ): Promise<Called> {
    const tool = this.server.tools.find(({ definition }) => definition.name === name)
    if (tool === undefined) throw new Error(`There is no tool ${name}.`)
    const result = await this.server.call(tool, args, {
      principal: how.principal ?? 'someone',
      grant: how.grant,
      idempotencyKey: how.key,
    })
    const { isError, structuredContent: fields, _meta: meta } = Result.parse(result)
    const receipt = meta[META_RECEIPT]
    return {
      isError,
      status: fields.status,
      code: fields.code,
      receipt: typeof receipt === 'string' ? await this.judge.read(receipt) : undefined,
      fields,
    }
  }

  async reconcile(grantIds: string[]): Promise<ReceiptClaims[]> {
    const { receipts } = await this.server.control.reconcile(grantIds)
    return Promise.all(receipts.map((receipt) => this.judge.read(receipt)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
    await this.#evm?.[Symbol.asyncDispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #hello(): Promise<void> {
    const { boot } = this.status.ledger
    this.#boots.push(boot)
    await this.greet()
  }
}
