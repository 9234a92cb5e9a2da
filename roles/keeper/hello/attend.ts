import type { ToolStatus } from '@chimera/contracts/tool-control'
import type { SweptAccount } from '@chimera/infra/database/sweeps/read-overview'
import { closeAccount } from '@chimera/infra/database/tools/close-account'
import { findBoot } from '@chimera/infra/database/tools/find-boot'
import { openAccount } from '@chimera/infra/database/tools/open-account'
import { registerBoot } from '@chimera/infra/database/tools/register-boot'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import { ringJudge, showOnFeed } from '../duties/keeper-deps.ts'
import type { RingMemory } from '../duties/ring-memory.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'
import { endGrants } from '../effects/end-grants.ts'
import { carryFences, type Fences } from './carry-fences.ts'

/** What the Keeper remembers of a server between two visits. */
export type Attended = {
  nextAt: number
  /** How often something asked for a visit at once. */
  hurries: number
  failures: number
  downSince: number | undefined
}

/**
 * An open server is only looked after: for a boot that nobody announced, for a fence that it
 * missed.
 */
const OPEN_MS = 5_000
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

export type Visit = {
  account: SweptAccount
  fences: Fences
  state: Attended
  rung: RingMemory
  signal: AbortSignal
}

/** Visits one tool server and takes it one step nearer to open; returns when to come again. */
export async function attend(deps: ToolDeps, visit: Visit): Promise<number> {
  const { account, state } = visit
  const control = deps.openControl({ url: account.url, signal: visit.signal })
  const status = await control.status().catch((error: unknown) => {
    deps.log.debug({ err: error, account: account.account }, 'a tool server does not answer')
    return undefined
  })
  if (status === undefined) return unreachable(deps, visit)
  state.failures = 0
  state.downSince = undefined
  if (status.account !== account.account) {
    const other = { account: account.account, url: account.url, answers_as: status.account }
    deps.log.error(other, 'another account answers at the address of this one')
    await closeAccount(deps.database, { account: account.account, reason: 'WRONG_ACCOUNT' })
    return STILL_CLOSED_MS
  }
  await carryFences(deps, { control, status, fences: visit.fences })
  return isAsRecorded(account, status) ? OPEN_MS : greet(deps, { ...visit, control, status })
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

/** See the boot, have its hello signed, carry it, write that it was accepted. */
async function greet(
  deps: ToolDeps,
  visit: Visit & { control: ToolControl; status: ToolStatus },
): Promise<number> {
  const { database, publisher, actor, crash } = deps
  const { control, status } = visit
  const { boot } = status.ledger
  const seen = await findBoot(database, boot)
  if (seen === undefined) {
    const { audit } = await registerBoot(database, { status, actor })
    await publisher.publish([ringJudge({ look_at: 'boot', id: boot }), ...showOnFeed(audit)])
    visit.rung.noteRing(boot)
    return SIGNING_MS
  }
  if (seen.hello === null) {
    if (!visit.rung.mayRing(boot)) return SIGNING_MS
    await publisher.publish([ringJudge({ look_at: 'boot', id: boot })])
    visit.rung.noteRing(boot)
    return SIGNING_MS
  }
  if (status.state !== 'closed') return recordOpen(deps, status, visit.signal)
  crash('keeper.hello.before_send')
  const answer = await control.hello(seen.hello)
  crash('keeper.hello.sent')
  if (answer.state !== 'closed') return recordOpen(deps, answer, visit.signal)
  const reason = answer.reason ?? 'CLOSED'
  if (await closeAccount(database, { account: status.account, reason })) {
    deps.log.warn({ account: status.account, reason }, 'a tool server stays closed')
  }
  return STILL_CLOSED_MS
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
  return OPEN_MS
}
