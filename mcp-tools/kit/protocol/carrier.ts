import type { CrashPoint } from '@chimera/contracts/crash-points'

import type { Entry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { PreparedRequest, Refusal } from '../provider/exchange.ts'
import type { EffectPlan } from './effect-tool.ts'
import type { Reconciliation } from './reconcile.ts'
import type { Rules } from './rules.ts'
import { scopesOf } from './scopes.ts'
import type { ClaimOutcome } from './settle.ts'
import { stageSend } from './stage.ts'

/** A claim that is in the ledger and has to be carried out now. */
export type Errand = Readonly<{
  entry: Entry
  plan: EffectPlan
  prepared: PreparedRequest
  maySend: () => Refusal | undefined
}>

/** Does what was claimed, and knows what it has in hand. */
export type Carrier = Readonly<{
  /** The entry with its outcome, which is committed. */
  carryOut: (errand: Errand) => Promise<Entry>
  /** Effect keys in a scope that were sent and whose outcome is open. */
  inFlight: (scope: string) => string[]
}>

export function createCarrier(options: {
  ledger: Ledger
  rules: Pick<Rules, 'send' | 'settle'>
  crash: (label: CrashPoint) => void
  /** Waits for the end of what the provider has taken; answers the entry as it stands then. */
  follow: Reconciliation['follow']
  /** Ends the process: the claim stays in the ledger and its outcome cannot be written. */
  fail: (cause: unknown) => never
}): Carrier {
  const { ledger, rules, crash } = options
  const sent = new Set<string>()

  const send = async (errand: Errand): Promise<ClaimOutcome> => {
    const { entry, plan } = errand
    const maySend = (): Refusal | undefined => errand.maySend() ?? plan.mayStillSend?.()
    // What is left of it: a process that slept between the claim and here has used some up, and
    // the provider's bound of absence counts from claim + deadline.
    const leftMs = (): number =>
      plan.deadlineMs - (ledger.now() - (entry.claimedMs ?? ledger.now()))
    const onSending = (): void => void sent.add(entry.grantId)
    const staged = await stageSend(plan, errand.prepared, {
      maySend,
      onSending,
      deadlineMs: leftMs(),
    })
    if (staged.kind !== 'ready') return staged
    const { request } = staged
    const { facts } = request
    if (plan.stage !== undefined && facts !== undefined) {
      ledger.transact(() => ledger.entries.noteFacts(entry.grantId, facts))
    }
    return rules.send({
      request,
      deadlineMs: leftMs(),
      maySend: () => {
        crash('tool.send.before')
        return maySend()
      },
      onSending,
      onSent: () => crash('tool.send.sent'),
    })
  }

  const carryOut = async (errand: Errand): Promise<Entry> => {
    const { entry, plan } = errand
    crash('tool.claim.committed')
    try {
      const outcome = await send(errand)
      if (outcome.kind === 'answered') crash('tool.send.answered')
      const settled = await ledger.share(() => rules.settle({ ledger, entry, plan, outcome }))
      crash('tool.receipt.committed')
      const { followMs = 0 } = plan
      return settled.isPending && followMs > 0
        ? await options.follow(settled.grantId, followMs)
        : settled
    } catch (cause) {
      return options.fail(cause)
    } finally {
      sent.delete(entry.grantId)
    }
  }

  return {
    carryOut,
    inFlight: (scope) =>
      ledger.entries
        .inFlight()
        .filter((entry) => entry.state === 'UNKNOWN' || sent.has(entry.grantId))
        .filter((entry) => scopesOf({ ...entry.scope, account: entry.account }).includes(scope))
        .map((entry) => entry.effectKey),
  }
}
