import { ChimeraError } from '@chimera/contracts/errors'
import type { KillEpochs } from '@chimera/contracts/judging/kill'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import type { SweptAccount } from '@chimera/infra/database/sweeps/read-overview'
import { closeAccount } from '@chimera/infra/database/tools/close-account'
import { dropHello } from '@chimera/infra/database/tools/drop-hello'
import { findBoot } from '@chimera/infra/database/tools/find-boot'
import { openAccount } from '@chimera/infra/database/tools/open-account'
import { registerBoot } from '@chimera/infra/database/tools/register-boot'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import { ringJudge, showOnFeed } from '../duties/keeper-deps.ts'
import type { RingMemory } from '../duties/ring-memory.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'
import { endGrants } from '../effects/end-grants.ts'
import { ringWoken } from '../effects/ring-woken.ts'
import { carryFences, type Fences } from './carry-fences.ts'
import { carryKill, isHeldTooHigh, knowsKill } from './carry-kill.ts'
import { takeFences } from './take-fences.ts'
import { takeKill } from './take-kill.ts'

/** What the Keeper remembers of a server between two visits. */
export type Attended = {
  nextAt: number
  /** How often something asked for a visit at once. */
  hurries: number
  /** Visits in a row that found nothing to do at rest. */
  calmVisits: number
  failures: number
  downSince: number | undefined
  /** When a fresh hello was asked for last. */
  refreshedAt: number
  /** The hello that the server has heard last, and since when. */
  heard: { hello: string; at: number } | undefined
}

/**
 * An open server is only looked after: for a boot that nobody announced, for a fence that it
 * missed.
 */
export const OPEN_MS = 5_000
/**
 * While nothing is open in the record; the death of a server is heard at once all the same. Each
 * look at rest that finds nothing new is followed by a longer pause.
 */
const RESTING_MS = 10_000
const LONGEST_REST_MS = 30_000
const FENCED_LOOK_MS = 1_000
/**
 * A server that was killed is back within a second or two; one that stays away is away for longer.
 */
const DOWN_MS = 100
const LONG_DOWN_MS = 2_000
const LONG_AFTER_MS = 10_000
/**
 * One missed answer may be a busy machine; the second in a row closes the account in the record.
 */
const FAILURES_TO_CLOSE = 2
/** The Judge signs a hello within milliseconds, when it lives. */
const SIGNING_MS = 50
const STILL_CLOSED_MS = 2_000
/** So often at most the Judge signs a hello anew for a clock that jumped ... */
const JUMPED_MS = 2_000
/** ... and for a server that stays closed: what the record knows, and its time, have moved on. */
const STALE_MS = 10_000

export type Visit = {
  account: SweptAccount
  fences: Fences
  /** Scope -> kill epoch, as the record has it. */
  kill: KillEpochs
  /** No task and no effect is open. */
  isResting: boolean
  state: Attended
  rung: RingMemory
  signal: AbortSignal
}

/** Visits one tool server and takes it one step nearer to open; returns when to come again. */
export async function attend(deps: ToolDeps, visit: Visit): Promise<number> {
  const { account, state } = visit
  const { calmVisits } = state
  state.calmVisits = 0
  const control = deps.openControl({ url: account.url, signal: visit.signal })
  const first = await control.status().catch((error: unknown) => {
    deps.log.debug({ err: error, account: account.account }, 'a tool server does not answer')
    return undefined
  })
  if (first === undefined) return unreachable(deps, visit)
  state.failures = 0
  state.downSince = undefined
  if (first.account !== account.account) {
    const other = { account: account.account, url: account.url, answers_as: first.account }
    deps.log.error(other, 'another account answers at the address of this one')
    await closeAccount(deps.database, { account: account.account, reason: 'WRONG_ACCOUNT' })
    return STILL_CLOSED_MS
  }
  await takeFences(deps, { status: first, fences: visit.fences })
  await takeKill(deps, { status: first, kill: visit.kill })
  const told = { control, status: first }
  const carried =
    (await carryFences(deps, { ...told, fences: visit.fences })) +
    (await carryKill(deps, { ...told, kill: visit.kill }))
  // A fence that was carried may have stopped the server, or opened it.
  const status = carried === 0 ? first : await control.status()
  if (status.state !== 'closed' && isHeldTooHigh(status, visit.kill)) {
    return lowerKill(deps, { ...visit, control, status })
  }
  if (!isAsRecorded(account, status)) return greet(deps, { ...visit, control, status })
  state.calmVisits = visit.isResting ? calmVisits + 1 : 0
  return visit.isResting ? Math.min(state.calmVisits * RESTING_MS, LONGEST_REST_MS) : OPEN_MS
}

/** Open for the boot that grants are made for. */
const isAsRecorded = (account: SweptAccount, status: ToolStatus): boolean =>
  status.state !== 'closed' &&
  account.boot === status.ledger.boot &&
  account.state === status.state &&
  account.reason === (status.reason ?? null)

async function unreachable(deps: ToolDeps, { account, state }: Visit): Promise<number> {
  state.failures += 1
  state.downSince ??= performance.now()
  if (state.failures === FAILURES_TO_CLOSE) {
    const isNews = await closeAccount(deps.database, {
      account: account.account,
      reason: 'UNREACHABLE',
    })
    if (isNews) deps.log.warn({ account: account.account }, 'a tool server cannot be reached')
  }
  return performance.now() - state.downSince > LONG_AFTER_MS ? LONG_DOWN_MS : DOWN_MS
}

/**
 * A server that was out of reach when the operator lowered a level: a signed hello that says so is
 * all that it believes. The Judge signs a fresh one; until it is there the server stays stricter.
 */
async function lowerKill(
  deps: ToolDeps,
  { control, status, kill, rung }: Visit & { control: ToolControl; status: ToolStatus },
): Promise<number> {
  const { boot } = status.ledger
  const seen = await findBoot(deps.database, boot)
  if (seen === undefined) return STILL_CLOSED_MS
  const { hello } = seen
  if (hello !== null && knowsKill(hello, kill)) {
    await carryHello(deps, control, hello)
    return STILL_CLOSED_MS
  }
  if (hello !== null) {
    await dropHello(deps.database, { boot, hello })
    rung.forget(boot)
  }
  if (rung.mayRing(boot)) {
    await deps.publisher.publish([ringJudge({ look_at: 'boot', id: boot })])
    rung.noteRing(boot)
  }
  return SIGNING_MS
}

/** See the boot, have its hello signed, carry it, write that it was accepted. */
async function greet(
  deps: ToolDeps,
  visit: Visit & { control: ToolControl; status: ToolStatus },
): Promise<number> {
  const { database, publisher, actor } = deps
  const { status, rung } = visit
  const { boot } = status.ledger
  const seen = await findBoot(database, boot)
  if (seen === undefined) {
    const { audit } = await registerBoot(database, { status, actor })
    await publisher.publish([ringJudge({ look_at: 'boot', id: boot }), ...showOnFeed(audit)])
    rung.noteRing(boot)
    return SIGNING_MS
  }
  if (status.state !== 'closed') return recordOpen(deps, status, visit.signal)
  const hello = await freshHello(deps, { ...visit, hello: seen.hello })
  if (hello === null) {
    if (!rung.mayRing(boot)) return SIGNING_MS
    await publisher.publish([ringJudge({ look_at: 'boot', id: boot })])
    rung.noteRing(boot)
    return SIGNING_MS
  }
  const answer = await carryHello(deps, visit.control, hello)
  if (visit.state.heard?.hello !== hello) visit.state.heard = { hello, at: performance.now() }
  if (answer.state !== 'closed') return recordOpen(deps, answer, visit.signal)
  const reason = answer.reason ?? 'CLOSED'
  if (await closeAccount(database, { account: status.account, reason })) {
    deps.log.warn({ account: status.account, reason }, 'a tool server stays closed')
  }
  return STILL_CLOSED_MS
}

/**
 * The hello that was signed for the boot; null when the Judge has to sign one. A server whose clock
 * jumped opens only to a hello of now, and one that stays closed is told again from time to time
 * what the record knows: the hello that it has heard is thrown away.
 */
async function freshHello(
  { database }: ToolDeps,
  of: { status: ToolStatus; state: Attended; rung: RingMemory; hello: string | null },
): Promise<string | null> {
  const { status, state, hello } = of
  if (hello === null || !isStale(state, status, hello)) return hello
  state.refreshedAt = performance.now()
  await dropHello(database, { boot: status.ledger.boot, hello })
  of.rung.forget(status.ledger.boot)
  return null
}

function isStale(state: Attended, { reason = '' }: ToolStatus, hello: string): boolean {
  const now = performance.now()
  if (reason.startsWith('CLOCK_JUMP')) return now - state.refreshedAt >= JUMPED_MS
  return state.heard?.hello === hello && now - state.heard.at >= STALE_MS
}

/** What the server says after its hello; a refusal leaves it closed, with its reason. */
async function carryHello(
  { crash, log }: ToolDeps,
  control: ToolControl,
  hello: string,
): Promise<ToolStatus> {
  crash('keeper.hello.before_send')
  try {
    const answer = await control.hello(hello)
    crash('keeper.hello.sent')
    return answer
  } catch (error) {
    if (!(error instanceof ChimeraError) || error.code === 'TOOL_FAILED') throw error
    log.debug({ err: error }, 'a hello was refused')
    return control.status()
  }
}

async function recordOpen(
  deps: ToolDeps,
  status: ToolStatus,
  signal: AbortSignal,
): Promise<number> {
  const { audit } = await openAccount(deps.database, { status, actor: deps.actor })
  await deps.publisher.publish(showOnFeed(audit))
  const { account, state, ledger } = status
  deps.log.info({ account, state, boot: ledger.boot, seq: ledger.seq }, 'a tool server is open')
  // Grants for earlier boots are dead as of this moment: not to be left to the next sweep.
  await endGrants(deps, signal)
  if (state === 'open') await ringWoken(deps, signal)
  // One that is fenced is looked at again soon: does the record know of that stop?
  return state === 'open' ? OPEN_MS : FENCED_LOOK_MS
}
