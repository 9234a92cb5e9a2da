import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { effectKey } from '@chimera/contracts/effect'
import {
  GRANT_SECONDS,
  JWS_TYPE,
  ReceiptClaims,
  type AdoptClaims,
  type GrantClaims,
  type HelloClaims,
  type SettleClaims,
  type VoidClaims,
} from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import { CompactSign, compactVerify } from 'jose'

/** A pair of keys as `infra/stack` makes them. */
export type TestKey = Readonly<{
  kid: string
  privateKey: KeyObject
  jwk: object
  publicJwk: object
}>

export function createKey(kid = newId()): TestKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid, alg: 'EdDSA', use: 'sig' }
  const publicJwk = {
    ...createPublicKey(privateKey).export({ format: 'jwk' }),
    kid,
    alg: 'EdDSA',
    use: 'sig',
  }
  return { kid, privateKey, jwk, publicJwk }
}

/** Replaced as a whole, as the product replaces it. */
export function writeKeySet(file: string, keys: readonly TestKey[]): void {
  const text = JSON.stringify({ keys: keys.map((key) => key.publicJwk) })
  writeFileSync(`${file}.next`, text)
  renameSync(`${file}.next`, file)
}

/** What a test wants of a grant; the rest is what a sound Judge would say. */
export type GrantWish = Partial<GrantClaims> & { args: Record<string, unknown> }

/**
 * The Judge's side of the protocol for tests of tool servers: its key, its record incarnation, and
 * the words it signs. It believes whatever `status` the server gives of itself.
 */
export class TestJudge {
  readonly key = createKey()
  readonly receiptKey = createKey()
  readonly jwksFile: string
  incarnation = newId()

  constructor(folder: string) {
    this.jwksFile = join(folder, 'grant-keys.json')
    writeKeySet(this.jwksFile, [this.key])
  }

  async hello(status: ToolStatus, other: Partial<HelloClaims> = {}): Promise<string> {
    return this.sign('hello', {
      iss: 'judge',
      iat: now(),
      aud: status.account,
      ledger_id: status.ledger.id,
      boot: status.ledger.boot,
      incarnation: this.incarnation,
      fences: { everything: 0 },
      kill: {},
      known_boots: [status.ledger.boot],
      highest_seq: 0,
      ...other,
    })
  }

  /**
   * The claims of a grant for the goal `goal`, slot `publish`, round 1, unless wished otherwise.
   */
  claims(status: ToolStatus, wish: GrantWish): GrantClaims {
    const { args, ...other } = wish
    const tool = wish.tool ?? 'post_tweet'
    const scope = {
      tenant: DEFAULT_TENANT,
      account: wish.aud ?? status.account,
      goal: wish.goal ?? `goal-${newId()}`,
      slot: wish.slot ?? 'publish',
      tool,
      mode: wish.mode ?? 'paper',
    } as const
    const { account: aud, ...rest } = scope
    const iat = wish.iat ?? now()
    return {
      iss: 'judge',
      jti: newId(),
      iat,
      exp: iat + GRANT_SECONDS,
      aud,
      ledger_id: status.ledger.id,
      boot: status.ledger.boot,
      incarnation: this.incarnation,
      effect_key: effectKey(scope),
      round: 1,
      args_hash: canonicalHash(args),
      closed_rounds: [],
      definition_hash: status.definitions[tool] ?? '0'.repeat(64),
      agent: 'default',
      task: newId(),
      limits: { ai_label_required: true },
      approvals: [],
      policy_version: 'rules@1',
      fences: { everything: 0 },
      ...rest,
      ...other,
    }
  }

  async voidOf(
    status: ToolStatus,
    grant: GrantClaims,
    other: Partial<VoidClaims> = {},
  ): Promise<string> {
    return this.sign('void', {
      iss: 'judge',
      jti: newId(),
      iat: now(),
      aud: status.account,
      boot: status.ledger.boot,
      ledger_id: status.ledger.id,
      incarnation: this.incarnation,
      grant_id: grant.jti,
      granted_boot: grant.boot,
      granted_at: grant.iat,
      effect_key: grant.effect_key,
      round: grant.round,
      args_hash: grant.args_hash,
      tool: grant.tool,
      tenant: grant.tenant,
      agent: grant.agent,
      goal: grant.goal,
      task: grant.task,
      slot: grant.slot,
      mode: grant.mode,
      reason: 'expired',
      ...other,
    })
  }

  async settle(
    status: ToolStatus,
    grant: GrantClaims,
    word: Pick<SettleClaims, 'outcome'> & Partial<SettleClaims>,
  ): Promise<string> {
    return this.sign('settle', {
      ...this.#envelope(status),
      grant_id: grant.jti,
      effect_key: grant.effect_key,
      round: grant.round,
      args_hash: grant.args_hash,
      reason: 'looked it up by hand',
      actor: 'owner',
      ...word,
    })
  }

  /** What the record knows of an account whose ledger is behind. */
  async adopt(status: ToolStatus, other: Partial<AdoptClaims> = {}): Promise<string> {
    return this.sign('adopt', {
      ...this.#envelope(status),
      known_boots: [],
      highest_seq: 0,
      effects: [],
      ...other,
    })
  }

  /** An effect as an adoption names it. */
  adopted(
    grant: GrantClaims,
    args: Record<string, unknown>,
    other: Partial<AdoptClaims['effects'][number]> = {},
  ): AdoptClaims['effects'][number] {
    return {
      grant_id: grant.jti,
      effect_key: grant.effect_key,
      round: grant.round,
      args_hash: grant.args_hash,
      tool: grant.tool,
      tenant: grant.tenant,
      agent: grant.agent,
      goal: grant.goal,
      task: grant.task,
      slot: grant.slot,
      mode: grant.mode,
      args,
      state: 'GRANTED',
      granted_boot: grant.boot,
      granted_at: grant.iat,
      ...other,
    }
  }

  #envelope(status: ToolStatus) {
    return {
      iss: 'judge',
      jti: newId(),
      iat: now(),
      aud: status.account,
      boot: status.ledger.boot,
      ledger_id: status.ledger.id,
      incarnation: this.incarnation,
    }
  }

  async sign(
    word: keyof typeof JWS_TYPE,
    claims: object,
    key: TestKey = this.key,
  ): Promise<string> {
    return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, typ: JWS_TYPE[word] })
      .sign(key.privateKey)
  }

  /** Verifies a receipt as the Judge does. */
  async read(receipt: string): Promise<ReceiptClaims> {
    const { payload, protectedHeader } = await compactVerify(
      receipt,
      createPublicKey(this.receiptKey.privateKey),
    )
    if (protectedHeader.typ !== JWS_TYPE.receipt) throw new Error('This is no receipt.')
    return ReceiptClaims.parse(JSON.parse(new TextDecoder().decode(payload)))
  }
}

const now = (): number => Math.floor(Date.now() / 1000)
