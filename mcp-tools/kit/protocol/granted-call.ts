import type { GrantClaims } from '@chimera/contracts/grant'

import type { EntryAbout } from '../ledger/entries.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { PreparedRequest } from '../provider/exchange.ts'
import type { Backend, EffectTool, Planned } from './effect-tool.ts'
import type { Gate } from './gate.ts'
import type { GrantKey, GrantKeys } from './grant-keys.ts'

/** A call whose grant is signed by the Judge and whose bytes are made. Nothing else is sure yet. */
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
