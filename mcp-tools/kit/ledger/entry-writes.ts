import type { DatabaseSync } from 'node:sqlite'

import { InvariantError } from '@chimera/contracts/errors'
import type { Mode } from '@chimera/contracts/goal'

import type { Actual, Facts, Spend } from '../provider/exchange.ts'
import { nothing, prepareWrites, UNTOLD } from './entry-statements.ts'
import { entryOf, Moved, movedOf, type Entry, type EntryScope, type EntryState } from './entry.ts'
import type { Spends } from './spending/spends.ts'

/** What every new entry says, whatever becomes of it. */
export type EntryAbout = Readonly<{
  effectKey: string
  round: number
  grantId: string
  argsHash: string
  account: string
  tool: string
  mode: Mode
  scope: EntryScope
  boot: string
  incarnation: string
  isSimulated: boolean
}>

/** The claim: written before the act, with the exact bytes that may leave. */
export type Claim = Readonly<{
  args: string
  content: string
  send: Readonly<{ method: string; url: string; body: Uint8Array }> | undefined
  deadlineMs: number
  costUsdMicros: string | undefined
  claimedMs: number
  claimedWallMs: number
  facts?: Facts
  spends?: readonly Spend[]
}>

/** What is known at the end of a round, or when its outcome turns out to be unknown. */
export type Settlement = Readonly<{
  state: Exclude<EntryState, 'CLAIMED'>
  settledMs: number
  leftByMs?: number
  code?: string
  detail?: string
  providerRef?: string
  url?: string
  retryAfterMs?: number
  /** The provider has it, and its end is to be followed. */
  isPending?: boolean
}> &
  Actual

/** What the record knows of an effect that a lost ledger had claimed, or may have. */
export type Adopted = Readonly<{
  state: 'CONFIRMED' | 'UNKNOWN' | 'NEEDS_HUMAN' | 'VOID'
  /** Without them the provider cannot be asked. */
  args: string | undefined
  content: string | undefined
  deadlineMs: number
  costUsdMicros: bigint | undefined
  spends: readonly Spend[] | undefined
  claimedMs: number
  leftByMs: number
  settledMs: number
  adoptedMs: number
  providerRef?: string
  facts?: Facts | undefined
  code?: string
  detail?: string
}>

type Parts = Readonly<{
  database: DatabaseSync
  /** The number of the running commit: every row that is written carries it. */
  seq: () => number
  spends: Spends
}>
type Writing = Omit<Parts, 'database'> & Readonly<{ statements: ReturnType<typeof prepareWrites> }>

/** Everything that changes entries. To be called within a commit of the ledger. */
export function openEntryWrites({ database, ...parts }: Parts) {
  const writing = { statements: prepareWrites(database), ...parts }
  return { ...openInserts(writing), ...openMoves(writing) }
}

/** New entries. */
function openInserts({ statements, seq, spends }: Writing) {
  return {
    /** Claims the round. The unique indexes refuse a second open round of the slot. */
    claim(about: EntryAbout, claim: Claim): Entry {
      const row = {
        ...nothing,
        ...aboutColumns(about),
        state: 'CLAIMED' as const,
        args: claim.args,
        content: claim.content,
        send_method: claim.send?.method ?? null,
        send_url: claim.send?.url ?? null,
        send_body: claim.send?.body ?? null,
        deadline_ms: claim.deadlineMs,
        cost_usd_micros: claim.costUsdMicros ?? null,
        claimed_ms: claim.claimedMs,
        claimed_wall_ms: claim.claimedWallMs,
        left_by_ms: claim.claimedMs,
        facts: jsonOf(claim.facts),
        seq: seq(),
      }
      statements.insert(row)
      spends.add(about.grantId, claim.spends ?? [])
      return entryOf({ ...row, ...UNTOLD })
    },
    /** A round that is written without a claim: a tombstone, or an effect of before this ledger. */
    put(about: EntryAbout, as: Settlement & { state: 'VOID' | 'UNKNOWN' }): Entry {
      const row = {
        ...nothing,
        ...aboutColumns(about),
        state: as.state,
        code: as.code ?? null,
        detail: as.detail ?? null,
        retry_after_ms: as.retryAfterMs ?? null,
        settled_ms: as.settledMs,
        seq: seq(),
      }
      statements.insert(row)
      return entryOf({ ...row, ...UNTOLD })
    },
    /** An effect of a ledger that was lost, as the record knows it. */
    adopt(about: EntryAbout, as: Adopted): void {
      statements.insert({
        ...nothing,
        ...aboutColumns(about),
        state: as.state,
        code: as.code ?? null,
        detail: as.detail ?? null,
        args: as.args ?? null,
        content: as.content ?? null,
        deadline_ms: as.deadlineMs,
        cost_usd_micros: as.costUsdMicros?.toString() ?? null,
        claimed_ms: as.claimedMs,
        claimed_wall_ms: as.claimedMs,
        left_by_ms: as.state === 'VOID' ? null : as.leftByMs,
        settled_ms: as.settledMs,
        provider_ref: as.providerRef ?? null,
        adopted_ms: as.adoptedMs,
        facts: jsonOf(as.facts),
        seq: seq(),
      })
      spends.add(about.grantId, as.spends ?? [])
    },
  }
}

/** What becomes of entries. */
function openMoves({ statements, seq, spends }: Writing) {
  return {
    /** An open entry of this ledger's own takes over what the record knows and it does not. */
    markAdopted(grantId: string, as: Adopted): void {
      statements.mark.run({
        grant_id: grantId,
        args: as.args ?? null,
        content: as.content ?? null,
        deadline_ms: as.deadlineMs,
        claimed_ms: as.claimedMs,
        left_by_ms: as.leftByMs,
        adopted_ms: as.adoptedMs,
        facts: jsonOf(as.facts),
        seq: seq(),
      })
    },
    /**
     * Moves an entry on from the state in which it was read, and answers it as it stands then.
     * Throws when the file has it in another one.
     */
    settle(entry: Entry, to: Settlement): Entry {
      const { grantId, state: from } = entry
      const { facts, spends: actual, costUsdMicros } = to
      const row = statements.settle.get(
        to.state,
        to.code ?? null,
        to.detail ?? null,
        to.settledMs,
        to.leftByMs ?? null,
        to.providerRef ?? null,
        to.url ?? null,
        to.retryAfterMs ?? null,
        to.isPending === true ? 1 : 0,
        jsonOf(facts),
        costUsdMicros?.toString() ?? null,
        seq(),
        grantId,
        from,
      )
      if (row === undefined) {
        throw new InvariantError(`Grant ${grantId} was not ${from} when it was to be ${to.state}.`)
      }
      if (actual !== undefined) spends.replace(grantId, actual)
      const { code, detail, providerRef, url, retryAfterMs, settledMs, isPending = false } = to
      return {
        ...entry,
        ...movedOf(Moved.parse(row)),
        state: to.state,
        code,
        detail,
        providerRef,
        url,
        retryAfterMs,
        settledMs,
        isPending,
        seq: seq(),
      }
    },
    noteUnseen: (grantId: string, looks: number, atMs: number): void => {
      statements.unseen.run(looks, atMs, seq(), grantId)
    },
    /** What was learnt of an effect before its end; durable before anything is done with it. */
    noteFacts: (grantId: string, facts: Facts): void => {
      statements.facts.run({ grant_id: grantId, facts: JSON.stringify(facts), seq: seq() })
    },
    /** The clock was put forward: whatever is counted from the past is counted from later. */
    moveAlong: (byMs: number): void => {
      statements.moveLeft.run({ by: byMs, seq: seq() })
    },
    /** Only the lock's holder may do this, at its start: nobody lives who could still be acting. */
    recoverClaims: (nowMs: number): number =>
      Number(statements.recover.run({ now: nowMs, seq: seq() }).changes),
  }
}

const jsonOf = (facts: Facts | undefined): string | null =>
  facts === undefined ? null : JSON.stringify(facts)

function aboutColumns(about: EntryAbout) {
  return {
    effect_key: about.effectKey,
    round: about.round,
    grant_id: about.grantId,
    args_hash: about.argsHash,
    account: about.account,
    tool: about.tool,
    mode: about.mode,
    scope: JSON.stringify(about.scope),
    boot: about.boot,
    incarnation: about.incarnation,
    simulated: about.isSimulated ? (1 as const) : (0 as const),
  }
}
