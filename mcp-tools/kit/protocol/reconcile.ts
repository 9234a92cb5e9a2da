import type { ChimeraError, ErrorCode } from '@chimera/contracts/errors'

import type { Entry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Actual, Facts } from '../provider/exchange.ts'
import { boundOf, type AbsenceBound } from './absence.ts'
import { openFollowers } from './followers.ts'
import { openLookTimer } from './look-timer.ts'

/** What asking the provider about one unknown effect has brought. */
export type Look =
  /**
   * It happened: an object of the provider's that can only be this effect's. With `spends`, what it
   * really took: a reverted transaction keeps its gas and releases its amount.
   */
  | (Readonly<{
      kind: 'found'
      providerRef: string
      url?: string
      code?: ErrorCode
      detail?: string
      /** When it happened at the latest; windows count from it. */
      leftByMs?: number
    }> &
      Actual)
  /** The provider enforces that it can never happen any more. */
  | Readonly<{ kind: 'absent'; detail?: string }>
  /** A complete look did not show it; proves absence only together with the bound. */
  | Readonly<{ kind: 'unseen' }>
  /** No answer now, or none that says anything. */
  | Readonly<{ kind: 'not_yet'; inMs?: number }>
  /** The provider cannot tell; after the bound a person has to. */
  | Readonly<{ kind: 'cannot'; detail: string }>

/** How a provider is asked. One per account; EVM and exchanges plug into the same port. */
export type Reconciler = Readonly<{
  absence: AbsenceBound
  look: (
    entry: Entry,
    known: Readonly<{
      /**
       * Other open effects of the account, as of now. Ask once the provider has answered: whatever
       * its answer can show was claimed by then, and may have been claimed while it was asked.
       */
      rivals: () => readonly Entry[]
      /** Whether an object of the provider's is another effect's already. */
      isBound: (providerRef: string) => boolean
      /** Writes facts into the entry, durably and at once: before a re-broadcast, say. */
      note: (facts: Facts) => void
      signal: AbortSignal
    }>,
  ) => Promise<Look>
  /**
   * Asks by a handle that is made from the round's name alone, for a round of which this ledger has
   * nothing else: `unseen` when the provider does not have it now. Undefined, or absent, where the
   * provider or the tool has no such handle.
   */
  lookByHandle?: (of: Handle, known: Readonly<{ signal: AbortSignal }>) => Promise<Look | undefined>
}>

/** What a handle of our own at a provider is made from: known to the record as to the ledger. */
export type Handle = Pick<Entry, 'effectKey' | 'round' | 'tool' | 'mode'>

/** Settles what is UNKNOWN by asking the provider, and never by doing it again. */
export type Reconciliation = AsyncDisposable &
  Readonly<{
    /** Looks at what is due now. Answers when the next look is, if anything is still unknown. */
    run: () => Promise<{ nextInMs?: number }>
    /** Something may have become unknown: look soon. Without it nothing ever polls. */
    wake: () => void
    /**
     * Looks at a pending effect at once and until it is settled, at most for `ms`; answers the
     * entry as it stands then.
     */
    follow: (grantId: string, ms: number) => Promise<Entry>
    /** Nobody waits any longer: those who follow are answered now. */
    endFollowing: () => void
  }>

/** First look, as a share of the distance between two reads: 6 s for X. */
const FIRST_SHARE = 10
/** A pending effect is looked at this often at first; a block of Base takes 2 s. */
const PENDING_MS = 1_000
/** And later after each such share of its age: after a minute every 3 s. */
const PENDING_SHARE = 20
const PENDING_AT_MOST_MS = 60_000

/**
 * The facts that count (looks after the bound, and when) are in the ledger, so that a restart
 * neither loses nor repeats them; the times of the next looks are not.
 */
export function createReconciliation(options: {
  ledger: Ledger
  reconciler: Reconciler
  /** Why the provider may not be asked now. */
  refusal: () => ChimeraError | undefined
  log: Readonly<Record<'info' | 'error', (facts: object, message: string) => void>>
}): Reconciliation {
  const { ledger, reconciler } = options
  const due = new Map<string, number>()
  const stopping = new AbortController()
  const followers = openFollowers(ledger)
  let running: Promise<{ nextInMs?: number }> | undefined

  const pass = async (): Promise<{ nextInMs?: number }> => {
    for (const { grantId } of unknowns(ledger).toSorted(followers.first)) {
      if (stopping.signal.aborted) break
      // Whatever opens the server again wakes this up.
      if (options.refusal() !== undefined) return {}
      if ((due.get(grantId) ?? 0) > ledger.now()) continue
      await lookAt(grantId, { ...options, due, signal: stopping.signal })
      followers.answerSettled(grantId)
    }
    const waits = unknowns(ledger).map(({ grantId }) => due.get(grantId) ?? 0)
    if (waits.length === 0) return {}
    return { nextInMs: Math.max(0, Math.min(...waits) - ledger.now()) }
  }
  const run = (): Promise<{ nextInMs?: number }> => {
    running ??= pass().finally(() => (running = undefined))
    return running
  }
  const tick = async (): Promise<void> => {
    try {
      const { nextInMs } = await run()
      if (nextInMs !== undefined) ringWithin(nextInMs)
    } catch (err) {
      if (stopping.signal.aborted) return
      options.log.error({ err }, 'a look at the provider failed')
      ringWithin(reconciler.absence.readsApartMs)
    }
  }
  const { ringWithin, stop } = openLookTimer(() => void tick())
  return {
    run,
    wake: () => {
      const isFollowed = unknowns(ledger).some((entry) => entry.isPending)
      ringWithin(isFollowed ? 0 : reconciler.absence.readsApartMs / FIRST_SHARE)
    },
    follow: async (grantId, ms) => {
      due.delete(grantId)
      const followed = followers.wait(grantId, ms)
      ringWithin(0)
      return followed
    },
    endFollowing: followers.end,
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      followers.end()
      stop()
      await running?.catch(() => undefined)
    },
  }
}

/** Asks about one effect, writes what that proved, and says when to ask again. */
async function lookAt(
  grantId: string,
  of: Parameters<typeof createReconciliation>[0] & {
    due: Map<string, number>
    signal: AbortSignal
  },
): Promise<void> {
  const { ledger, reconciler, due, signal } = of
  const entry = ledger.entries.get(grantId)
  // Taken before the look: what was read is at least as old.
  const lookedMs = ledger.now()
  const look = await lookFor(entry, { ledger, reconciler, signal })
  const after = ledger.transact(() =>
    of.refusal() === undefined
      ? learn({ ledger, reconciler, grantId, look, lookedMs })
      : ledger.entries.get(grantId),
  )
  if (after.state === 'UNKNOWN') {
    due.set(grantId, ledger.now() + waitOf(after, reconciler.absence, look, lookedMs))
    return
  }
  due.delete(grantId)
  const { state, effectKey: effect_key, scope } = after
  of.log.info({ grant_id: grantId, effect_key, goal: scope.goal, state }, 'reconciled')
}

async function lookFor(
  entry: Entry,
  of: { ledger: Ledger; reconciler: Reconciler; signal: AbortSignal },
): Promise<Look> {
  if (entry.claimedMs === undefined) {
    return (await of.reconciler.lookByHandle?.(entry, { signal: of.signal })) ?? NAMELESS
  }
  const { entries } = of.ledger
  return of.reconciler.look(entry, {
    rivals: () => entries.rivalsOf(entry.grantId),
    isBound: (ref) => entries.byProviderRef(entry.account, ref) !== undefined,
    note: (facts) => of.ledger.transact(() => entries.noteFacts(entry.grantId, facts)),
    signal: of.signal,
  })
}

const unknowns = (ledger: Ledger): Entry[] => ledger.entries.inState('UNKNOWN')

/** A round of which only the record's question is known has nothing to look for. */
const NAMELESS: Look = { kind: 'cannot', detail: 'Nobody knows what this grant was to do.' }

/** Writes what a look has proved. Runs within a ledger commit. */
function learn(given: {
  ledger: Ledger
  reconciler: Reconciler
  grantId: string
  look: Look
  lookedMs: number
}): Entry {
  const { ledger, grantId, look, lookedMs } = given
  const { entries } = ledger
  const entry = entries.get(grantId)
  if (entry.state !== 'UNKNOWN') return entry
  const settledMs = ledger.now()
  const isBoundOver = lookedMs >= boundOf(entry, given.reconciler.absence)
  if (look.kind === 'found') {
    const { kind: _found, ...what } = look
    if (entries.byProviderRef(entry.account, what.providerRef) !== undefined) return entry
    // What was pending may have happened only now.
    const moment = entry.isPending ? { leftByMs: settledMs } : {}
    return entries.settle(entry, {
      ...moment,
      ...what,
      state: 'CONFIRMED',
      settledMs,
    })
  }
  if (look.kind === 'absent') {
    const { kind: _absent, ...why } = look
    return entries.settle(entry, { ...why, state: 'NOT_HAPPENED', settledMs })
  }
  if (look.kind === 'not_yet' || !isBoundOver) return entry
  if (look.kind === 'unseen') return countUnseen(given, entry)
  const { detail } = look
  return entries.settle(entry, { state: 'NEEDS_HUMAN', detail, settledMs })
}

function countUnseen(
  given: { ledger: Ledger; reconciler: Reconciler; lookedMs: number },
  entry: Entry,
): Entry {
  const { ledger, lookedMs } = given
  const { reads, readsApartMs } = given.reconciler.absence
  // Two looks right after one another may come from one stale replica.
  if (entry.unseenMs !== undefined && lookedMs - entry.unseenMs < readsApartMs) return entry
  const looks = entry.unseenLooks + 1
  ledger.entries.noteUnseen(entry.grantId, looks, lookedMs)
  const noted = ledger.entries.get(entry.grantId)
  if (looks < reads) return noted
  return ledger.entries.settle(noted, {
    state: 'NOT_HAPPENED',
    detail: `It was not there in ${looks} complete looks after the provider's bound.`,
    settledMs: ledger.now(),
  })
}

/** Until the next look: ever rarer while only presence can be proved, then when absence can. */
function waitOf(entry: Entry, absence: AbsenceBound, look: Look, lookedMs: number): number {
  const asked = look.kind === 'not_yet' ? (look.inMs ?? 0) : 0
  const bound = boundOf(entry, absence)
  const age = lookedMs - (entry.claimedMs ?? 0)
  if (entry.isPending) {
    return asked || Math.min(Math.max(PENDING_MS, age / PENDING_SHARE), PENDING_AT_MOST_MS)
  }
  if (lookedMs >= bound) return Math.max(asked, absence.readsApartMs)
  const rarer = Math.max(
    absence.readsApartMs / FIRST_SHARE,
    Math.min(age / 2, absence.readsApartMs),
  )
  return Math.max(asked, Math.min(rarer, bound - lookedMs))
}
