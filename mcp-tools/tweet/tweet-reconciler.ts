import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look, Reconciler } from '@chimera/mcp-kit/protocol/reconcile'

import { targetOf } from './delete-tweet.ts'
import { removalOf } from './network/classify-answer.ts'
import type { Network, SeenPost, Timeline } from './network/network.ts'
import { postOfArgs } from './post-of-args.ts'

type Known = Parameters<Reconciler['look']>[1]

/** Asks a network what became of an unknown effect, each kind in its own way. */
export function tweetReconciler(network: Network): Reconciler {
  return {
    absence: network.absence,
    look: async (entry, known): Promise<Look> => {
      if (entry.args === undefined || entry.claimedWallMs === undefined) return { kind: 'not_yet' }
      return entry.tool === 'delete_tweet'
        ? lookForRemoval(targetOf(entry.args), network, known)
        : lookForPost({ ...entry, claimedWallMs: entry.claimedWallMs }, network, known)
    },
  }
}

/**
 * A deletion has a handle: the post. Gone is done, whoever did it; still there is not yet deleted,
 * and proves that it will not be once nothing can arrive any more.
 */
async function lookForRemoval(
  id: string,
  network: Network,
  { isBound, signal }: Known,
): Promise<Look> {
  const found = await network.findPost({ id, signal })
  if (found.outcome === 'unavailable') return notYet(found)
  if (found.post !== undefined) return { kind: 'unseen' }
  const providerRef = removalOf(id)
  if (!isBound(providerRef)) return { kind: 'found', providerRef }
  return { kind: 'cannot', detail: `The post ${id} is gone, and another effect deleted it.` }
}

/**
 * X has no handle of ours for a post, so it is known by its words, and words may only prove that it
 * happened: newer than the claim, no other effect's, and no other open effect that could have said
 * the same.
 */
async function lookForPost(
  entry: Entry & { claimedWallMs: number },
  network: Network,
  { rivals, isBound, signal }: Known,
): Promise<Look> {
  const timeline = await network.findSince({ sinceMs: entry.claimedWallMs, signal })
  if (timeline.outcome === 'unavailable') return notYet(timeline)
  const mayBe = (owner: Entry, seen: SeenPost): boolean =>
    owner.tool !== 'delete_tweet' &&
    owner.args !== undefined &&
    network.sameContent(seen, postOfArgs(JSON.parse(owner.args)))
  const matches = timeline.posts
    .filter((seen) => mayBe(entry, seen) && !isBound(seen.id))
    .toSorted((left, right) => left.createdAtMs - right.createdAtMs)
  const [first] = matches
  if (first === undefined) return timeline.isComplete ? { kind: 'unseen' } : { kind: 'not_yet' }
  const others = rivals().filter((rival) => matches.some((seen) => mayBe(rival, seen)))
  // One post for each that could have made one: then all of them did.
  if (matches.length > others.length) return { kind: 'found', providerRef: first.id }
  const detail = `${others.length + 1} open posts say what is seen ${matches.length} times.`
  return { kind: 'cannot', detail }
}

function notYet({ retryAfterMs }: Extract<Timeline, { outcome: 'unavailable' }>): Look {
  return retryAfterMs === undefined ? { kind: 'not_yet' } : { kind: 'not_yet', inMs: retryAfterMs }
}
