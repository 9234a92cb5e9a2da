import type { Attempt, AttemptDecision } from '@chimera/domain/judging/attempt'
import { isPost } from '@chimera/infra/database/judging/read-repeats'

type Words = { readonly tool: string; readonly args: Readonly<Record<string, unknown>> }

/** What the attempts before one in its batch were granted to say: the record has none of it yet. */
export type SaidInBatch = {
  /** Whether somebody else in the batch says on the account what the slot is about to say. */
  has(attempt: Attempt, slot: string, account: string): boolean
  take(attempt: Attempt, decision: AttemptDecision): void
}

/** One for a batch; `isOn` is false where an account may repeat itself. */
export function openSaid(isOn: boolean): SaidInBatch {
  const said = new Set<string>()
  return {
    has(attempt, slot, account) {
      const { outcome } = attempt
      if (outcome.outcome !== 'result') return false
      const words = outcome.result.proposed_effects.find((effect) => effect.slot === slot)
      return words !== undefined && said.has(keyOf(attempt, account, words))
    },
    take(attempt, { rounds }) {
      if (!isOn) return
      for (const { state, account, tool, args } of rounds) {
        const words = { tool, args }
        if (state !== 'GRANTED' || account === undefined || !isPost(words)) continue
        said.add(keyOf(attempt, account.account, words))
      }
    },
  }
}

/** As `text_key` of the record has it: NFC, and white space is one blank. */
function keyOf({ tenantId }: Attempt, account: string, { args }: Words): string {
  const text = String(args['text']).normalize('NFC').replaceAll(/\s+/gu, ' ').trim()
  return JSON.stringify([tenantId, account, args['in_reply_to'] ?? null, text])
}
