import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look, Reconciler } from '@chimera/mcp-kit/protocol/reconcile'

import type { Network, SeenPost } from './network/network.ts'
import { postOfArgs } from './post-of-args.ts'

/**
 * Asks a network whether an unknown post is there. X has no handle of ours, so a post is known by
 * its words, and words may only prove that it happened: newer than the claim, no other effect's,
 * and no other open effect that could have said the same.
 */
export function tweetReconciler(network: Network): Reconciler {
  return {
    absence: network.absence,
    look: async (entry, { rivals, isBound, signal }): Promise<Look> => {
      if (entry.args === undefined || entry.claimedWallMs === undefined) return { kind: 'not_yet' }
      const timeline = await network.findSince({ sinceMs: entry.claimedWallMs, signal })
      if (timeline.outcome === 'unavailable') {
        const { retryAfterMs } = timeline
        return retryAfterMs === undefined
          ? { kind: 'not_yet' }
          : { kind: 'not_yet', inMs: retryAfterMs }
      }
      const mayBe = (owner: Entry, seen: SeenPost): boolean =>
        owner.args !== undefined && network.sameContent(seen, postOfArgs(JSON.parse(owner.args)))
      const matches = timeline.posts
        .filter((seen) => mayBe(entry, seen) && !isBound(seen.id))
        .toSorted((left, right) => left.createdAtMs - right.createdAtMs)
      const [first] = matches
      if (first === undefined) return timeline.isComplete ? { kind: 'unseen' } : { kind: 'not_yet' }
      const others = rivals.filter((rival) => matches.some((seen) => mayBe(rival, seen)))
      // One post for each that could have made one: then all of them did.
      if (matches.length > others.length) return { kind: 'found', providerRef: first.id }
      const detail = `${others.length + 1} open posts say what is seen ${matches.length} times.`
      return { kind: 'cannot', detail }
    },
  }
}
