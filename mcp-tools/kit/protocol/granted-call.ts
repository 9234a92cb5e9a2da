import type { GrantClaims } from '@chimera/contracts/grant'

import type { Claim, EntryAbout } from '../ledger/entry-writes.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { PreparedRequest } from '../provider/exchange.ts'
import type { Backend, EffectPlan, EffectTool, Planned } from './effect-tool.ts'
import type { Gate } from './gate.ts'
import type { GrantKey, GrantKeys } from './grant-keys.ts'

/**
 * A call whose grant is signed by the Judge. Its bytes are made once nothing else speaks against
 * it; never in mode `dry`.
 */
export type GrantedCall = Readonly<{
  claims: GrantClaims
  key: GrantKey
  tool: EffectTool
  /** Hash of the arguments as they came. */
  argsHash: string
  planned: Planned
  prepared: PreparedRequest | undefined
}>

/** What the rules look at. */
export type Account = Readonly<{
  name: string
  backend: Backend
  ledger: Ledger
  keys: GrantKeys
  gate: Gate
}>

/** The ledger's description of a granted round. */
export function aboutGrant(
  claims: Pick<
    GrantClaims,
    'effect_key' | 'round' | 'jti' | 'args_hash' | 'aud' | 'tool' | 'mode' | 'incarnation'
  > &
    Pick<GrantClaims, 'tenant' | 'agent' | 'campaign' | 'goal' | 'task' | 'slot'>,
  account: Account,
): EntryAbout {
  const { tenant, agent, campaign, goal, task, slot } = claims
  return {
    effectKey: claims.effect_key,
    round: claims.round,
    grantId: claims.jti,
    argsHash: claims.args_hash,
    account: claims.aud,
    tool: claims.tool,
    mode: claims.mode,
    scope: { tenant, agent, ...(campaign === undefined ? {} : { campaign }), goal, task, slot },
    boot: account.ledger.boot,
    incarnation: claims.incarnation,
    isSimulated: claims.mode === 'dry' || !account.backend.isLive,
  }
}

/** What a claim says of an effect whose bytes are made. */
export function claimOf(plan: EffectPlan, prepared: PreparedRequest, ledger: Ledger): Claim {
  const { method, url, body, facts, spends = plan.spends } = prepared
  return {
    args: plan.args,
    content: plan.content,
    send: { method, url, body },
    deadlineMs: plan.deadlineMs,
    costUsdMicros: String(plan.costUsdMicros),
    claimedMs: ledger.now(),
    claimedWallMs: ledger.wall(),
    ...(facts === undefined ? {} : { facts }),
    ...(spends === undefined ? {} : { spends }),
  }
}
