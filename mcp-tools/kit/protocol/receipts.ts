import { createPrivateKey } from 'node:crypto'

import { InvariantError } from '@chimera/contracts/errors'
import { JWS_TYPE, ReceiptClaims, ReceiptState } from '@chimera/contracts/grant'
import { z } from 'zod'

import { isClosedWithoutEffect, type Entry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Spend } from '../provider/exchange.ts'
import { openCompactSigner } from '../words/compact-jws.ts'

/** The private key of a tool server, as `infra/stack` makes it. */
const PrivateJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string().min(1),
})

const MAX_DETAIL = 1000

/** Signs what the ledger says of a grant. */
export type SignReceipt = (entry: Entry) => Promise<string>

/**
 * The receipts of one tool server at one boot. The boot is the one that signs, not the one that
 * claimed: the record asks this server, now. Throws ZodError or TypeError when the key is no key.
 */
export function openReceipts(options: {
  /** A private JWK as JSON text. */
  key: string
  account: string
  ledger: Pick<Ledger, 'id' | 'boot' | 'now' | 'entries'>
}): SignReceipt {
  const jwk = PrivateJwk.parse(JSON.parse(options.key))
  const signClaims = openCompactSigner({
    key: createPrivateKey({ key: jwk, format: 'jwk' }),
    kid: jwk.kid,
    typ: JWS_TYPE.receipt,
  })
  const { account, ledger } = options
  const { id, boot } = ledger
  return async (entry) => {
    const claims = receiptClaims(entry, {
      id,
      boot,
      account,
      nowMs: ledger.now(),
      spends: isClosedWithoutEffect(entry.state) ? [] : ledger.entries.spendsOf(entry.grantId),
    })
    return signClaims(claims)
  }
}

/**
 * What a receipt says of an entry. Throws when the entry is still in hand: then there is no word.
 */
export function receiptClaims(
  entry: Entry,
  at: { id: string; boot: string; account: string; nowMs: number; spends: readonly Spend[] },
): ReceiptClaims {
  const state = ReceiptState.safeParse(entry.state)
  if (!state.success) throw new InvariantError(`Grant ${entry.grantId} is still in hand.`)
  return ReceiptClaims.parse({
    iss: at.account,
    iat: Math.floor(at.nowMs / 1000),
    ledger_id: at.id,
    boot: at.boot,
    seq: entry.seq,
    grant_id: entry.grantId,
    effect_key: entry.effectKey,
    round: entry.round,
    args_hash: entry.argsHash,
    tool: entry.tool,
    mode: entry.mode,
    state: state.data,
    code: entry.code,
    detail: entry.detail?.slice(0, MAX_DETAIL),
    provider_ref: entry.providerRef,
    url: entry.url,
    retry_after_ms: entry.retryAfterMs,
    cost_usd_micros: entry.costUsdMicros,
    simulated: entry.isSimulated,
    ...rememberedOf(entry, at.spends),
    claimed_at: iso(entry.claimedMs),
    settled_at: iso(entry.settledMs),
  })
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString()
}

function rememberedOf(
  { facts, state }: Entry,
  spends: readonly Spend[],
): Pick<ReceiptClaims, 'facts' | 'spends'> {
  if (isClosedWithoutEffect(state)) return {}
  return {
    ...(Object.keys(facts).length === 0 ? {} : { facts }),
    ...(spends.length === 0 ? {} : { spends: spends.map(wireSpend) }),
  }
}

function wireSpend({ asset, amount, usdMicros, recipient }: Spend) {
  const own = { asset, amount: String(amount), usd_micros: String(usdMicros) }
  return recipient === undefined ? own : { ...own, recipient }
}
