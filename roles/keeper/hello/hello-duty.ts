import type { Overview } from '@chimera/infra/database/sweeps/read-overview'
import { delay } from '@chimera/runtime/backoff'

import { openRingMemory } from '../duties/ring-memory.ts'
import type { Duty } from '../duties/run-duties.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'
import { attend, OPEN_MS, type Attended } from './attend.ts'
import { openServerWatches } from './server-watches.ts'
import { openWaker, type Waker } from './waker.ts'

/** Finer timers wake the process for nothing: a visit to a local server takes 2 ms. */
const LEAST_MS = 20
const STAND_BY_MS = 500
const FAILED_MS = 1_000
/** Named once: a fresh reason is an error with a stack, at every look. */
const SETTLED = 'something else was first'

/**
 * Greets tool servers: sees every new boot, has the Judge sign its hello and carries it, so that a
 * killed server is open again within a second of its start. What it knows of the accounts comes
 * from the common sweep; visiting a server that is open costs the record nothing.
 */
export function helloDuty(deps: ToolDeps & { isLeading: () => boolean }): Duty {
  const rung = openRingMemory({ now: () => performance.now() })
  const states = openStates()
  const waker = openWaker()
  const watches = openServerWatches({
    onGone: (account) => {
      states.hurry(account)
      waker.wake()
    },
  })
  let overview: Overview | undefined
  const take = (seen: Overview) => {
    // A stop, its end, a kill level: the servers are to be told, and the record what they say,
    // without delay.
    const wordsOf = (of: Overview | undefined) => JSON.stringify([of?.fences, of?.kill])
    const isStopNews = wordsOf(seen) !== wordsOf(overview)
    if (isStopNews) for (const { account } of seen.accounts) states.hurry(account)
    // The rest is over: no server stays unvisited for as long as it was to last.
    if (overview?.idle === true && !seen.idle) states.endRest()
    overview = seen
  }
  const visitAll = async (): Promise<void> => {
    for (const account of overview?.accounts ?? []) {
      const state = states.of(account.account)
      if (state.nextAt > performance.now()) continue
      const { fences = {}, kill = {}, idle: isResting = false } = overview ?? {}
      deps.lanes.start(`hello ${account.account}`, async (signal) => {
        const { hurries } = state
        // Whatever goes wrong below, there is a pause.
        state.nextAt = performance.now() + FAILED_MS
        const visit = { account, fences, kill, isResting, state, rung, signal }
        const pauseMs = await attend(deps, visit)
        // What was news during the visit may have come too late for it.
        if (state.hurries === hurries) state.nextAt = performance.now() + pauseMs
        if (state.failures === 0) watches.watch(account.account, account.url)
        // The wait under way does not know of the pause that was just decided.
        waker.wake()
      })
    }
  }
  let isFirst = true
  return {
    name: 'hello',
    deadlineMs: 5_000,
    next: async (signal) => {
      if (isFirst) signal.addEventListener('abort', () => watches[Symbol.dispose](), { once: true })
      isFirst = false
      if (!deps.isLeading()) await delay(STAND_BY_MS, signal)
      if (overview === undefined) overview = deps.sweep.latest()
      const accounts = overview?.accounts ?? []
      const waitMs = Math.max(LEAST_MS, states.earliest(accounts) - performance.now())
      const seen = await nextOr(deps, { waitMs, waker, signal })
      if (seen !== undefined) take(seen)
      return visitAll
    },
  }
}

const NEW: Attended = {
  nextAt: 0,
  hurries: 0,
  calmVisits: 0,
  failures: 0,
  downSince: undefined,
  refreshedAt: -Infinity,
  heard: undefined,
}

/** What is remembered of each account's server. */
function openStates(): {
  of(account: string): Attended
  /** The next visit is to be at once. */
  hurry(account: string): void
  earliest(accounts: readonly { account: string }[]): number
  /** Nobody waits longer than an open server does while there is work. */
  endRest(): void
} {
  const states = new Map<string, Attended>()
  const of = (account: string): Attended => {
    const fresh = { ...NEW }
    const state: Attended = states.get(account) ?? fresh
    states.set(account, state)
    return state
  }
  return {
    of,
    hurry: (account) => {
      of(account).nextAt = 0
      of(account).hurries += 1
    },
    earliest: (accounts) => Math.min(...accounts.map(({ account }) => of(account).nextAt)),
    endRest: () => {
      const latest = performance.now() + OPEN_MS
      for (const state of states.values()) {
        state.nextAt = Math.min(state.nextAt, latest)
        // For the visit under way, which still believes in the rest.
        state.hurries += 1
      }
    },
  }
}

/** The next overview, or nothing when the time is over or somebody wakes the duty first. */
async function nextOr(
  { sweep }: ToolDeps,
  of: { waitMs: number; waker: Waker; signal: AbortSignal },
): Promise<Overview | undefined> {
  const settled = new AbortController()
  const signal = AbortSignal.any([of.signal, settled.signal])
  const { promise: over, resolve } = Promise.withResolvers<undefined>()
  // Without an account there is no time to wait for.
  const timer = Number.isFinite(of.waitMs)
    ? setTimeout(() => resolve(undefined), of.waitMs)
    : undefined
  try {
    return await Promise.race([sweep.next(signal), of.waker.woken(signal), over])
  } finally {
    clearTimeout(timer)
    settled.abort(SETTLED)
  }
}
