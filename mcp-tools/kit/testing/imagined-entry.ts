import type { Claim, EntryAbout } from '../ledger/entry-writes.ts'
import type { Entry } from '../ledger/entry.ts'

/** What a rule that claims without writing answers: the entry that the ledger would have had. */
export function imaginedEntry(about: EntryAbout, claim: Claim): Entry {
  return {
    ...about,
    state: 'CLAIMED',
    code: undefined,
    detail: undefined,
    args: claim.args,
    content: claim.content,
    sendMethod: undefined,
    sendUrl: undefined,
    sendBody: undefined,
    deadlineMs: claim.deadlineMs,
    costUsdMicros: claim.costUsdMicros,
    claimedMs: claim.claimedMs,
    claimedWallMs: claim.claimedWallMs,
    leftByMs: claim.claimedMs,
    settledMs: undefined,
    providerRef: undefined,
    url: undefined,
    retryAfterMs: undefined,
    unseenLooks: 0,
    unseenMs: undefined,
    adoptedMs: undefined,
    facts: claim.facts ?? {},
    isPending: false,
    seq: 1,
  }
}
