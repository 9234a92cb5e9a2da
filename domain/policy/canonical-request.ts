import { canonicalJson } from '@chimera/contracts/canonical'
import { Mode } from '@chimera/contracts/goal'
import { Label } from '@chimera/contracts/judging/provenance'
import { baseSymbol } from '@chimera/contracts/policy/base-symbol'
import type { PolicyAction } from '@chimera/contracts/policy/policy-document'
import type { PolicyRequest } from '@chimera/contracts/policy/policy-request'

import { actionOf, NEEDED_FACTS } from './actions.ts'
import {
  canonicalAsset,
  canonicalDecimal,
  canonicalDollars,
  canonicalName,
  canonicalNetwork,
  canonicalPersona,
  canonicalRecipient,
  canonicalTime,
  canonicalUnits,
} from './canonical-values.ts'

/** A request in the one spelling that every rule compares. */
export type CanonicalRequest = Readonly<{
  tenant: string
  agent: string
  campaign: string | undefined
  goal: string | undefined
  account: string | undefined
  tool: string
  action: PolicyAction
  mode: string
  persona: string | undefined
  label: string | undefined
  asset: string | undefined
  /** Base units of the asset. */
  amount: bigint | undefined
  usdMicros: bigint | undefined
  /** When the price was taken that `usdMicros` is by, milliseconds since 1970. */
  pricedAt: number | undefined
  recipient: string | undefined
  network: string | undefined
  symbol: string | undefined
  args: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970. */
  time: number
}>

/** A field without a canonical form, as a sentence. */
export type Fault = Readonly<{ fault: string }>

/** The canonical form of a request, or what has none. Never throws. */
export function canonicalRequest(request: PolicyRequest): CanonicalRequest | Fault {
  const faults: string[] = []
  const required = <T>(what: string, found: T | undefined): T | undefined => {
    if (found === undefined) faults.push(what)
    return found
  }
  const optional = <T>(
    what: string,
    given: string | undefined,
    read: (text: string) => T | undefined,
  ): T | undefined => (given === undefined ? undefined : required(what, read(given)))

  const action = actionOf(request.tool)
  if (request.action !== undefined && request.action !== action) faults.push('action')
  const tenant = required('tenant', canonicalName(request.tenant))
  const agent = required('agent', canonicalName(request.agent))
  const time = required('time', canonicalTime(request.time))
  const mode = Mode.safeParse(request.mode)
  if (!mode.success) faults.push('mode')
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(request.tool)) faults.push('tool')
  if (!isCanonical(request.args ?? {})) faults.push('args')
  const money = readMoney(request, required)
  const canonical = {
    campaign: optional('campaign', request.campaign, canonicalName),
    goal: optional('goal', request.goal, canonicalName),
    account: optional('account', request.account, canonicalName),
    persona: optional('persona', request.persona, canonicalPersona),
    label: optional('label', request.label, (text) => Label.safeParse(text).data),
    recipient: optional('recipient', request.recipient, canonicalRecipient),
    network: optional('network', request.network, canonicalNetwork),
    symbol: optional('symbol', request.symbol, (text) => canonicalAsset(baseSymbol(text))),
    ...money,
  }
  for (const fact of NEEDED_FACTS[action] ?? []) {
    if (canonical[fact] === undefined && !faults.includes(fact)) faults.push(fact)
  }
  if (faults.length > 0 || tenant === undefined || agent === undefined || time === undefined) {
    return { fault: `no canonical form: ${faults.join(', ')}` }
  }
  const { tool, args = {} } = request
  return { tenant, agent, tool, action, mode: request.mode, args, time, ...canonical }
}

type Money = Pick<CanonicalRequest, 'asset' | 'amount' | 'usdMicros' | 'pricedAt'>

function readMoney(
  { amount: given, usd }: PolicyRequest,
  required: <T>(what: string, found: T | undefined) => T | undefined,
): Money {
  const asset = given && required('amount', canonicalAsset(given.asset))
  const amount = given && required('amount', readAmount(given))
  const usdMicros = usd && required('usd', canonicalDollars(usd.value))
  const pricedAt = usd && required('usd', canonicalTime(usd.price_at))
  return { asset, amount, usdMicros, pricedAt }
}

function readAmount({
  base,
  whole,
  decimals,
}: NonNullable<PolicyRequest['amount']>): bigint | undefined {
  if ((base === undefined) === (whole === undefined)) return undefined
  if (base !== undefined) return canonicalUnits(base)
  if (whole === undefined || decimals === undefined) return undefined
  return canonicalDecimal(whole, decimals)
}

/** Whether JSON can say it exactly, in one way. */
function isCanonical(args: unknown): boolean {
  try {
    canonicalJson(args)
    return true
  } catch {
    return false
  }
}
