import type { ErrorCode } from '@chimera/contracts/errors'

import { isClosedWithoutEffect, type Entry } from '../ledger/entry.ts'

/** What the ledger knows of a round before anything is checked. */
export type Found =
  /** Never seen. `toClose` are older rounds that the record has closed and this ledger has not. */
  | Readonly<{ kind: 'new'; toClose: readonly Entry[] }>
  /** This very grant has an outcome. */
  | Readonly<{ kind: 'recorded'; entry: Entry }>
  /** No outcome for this grant. `holder` is what holds its slot instead. */
  | Readonly<{
      kind: 'none'
      code: ErrorCode
      detail: string
      holder?: Entry
      /** Something that a sound record and ledger cannot come to. */
      isAlarm?: boolean
      /** One round under two grants: only a record that forgot the first can have signed that. */
      isGrantedTwice?: boolean
    }>

export type Round = Readonly<{
  grantId: string
  effectKey: string
  round: number
  argsHash: string
  /** Rounds that the record knows closed without effect. */
  closedRounds: readonly number[]
}>

/**
 * Looks a round up by its effect key (design.md section 5, item 2). The order matters: what this
 * grant has come to is said even if it has expired, is fenced, or was overtaken. `rounds` are all
 * entries of the effect key, the highest first.
 */
export function lookUp(
  asked: Round,
  entryOfGrant: Entry | undefined,
  rounds: readonly Entry[],
): Found {
  if (entryOfGrant !== undefined) return own(asked, entryOfGrant)
  const highest = rounds[0]
  if (highest !== undefined && highest.round > asked.round) {
    const detail = `Round ${highest.round} of this slot is known; round ${asked.round} is over.`
    return { kind: 'none', code: 'SUPERSEDED', detail }
  }
  const open = rounds.find((entry) => !isClosedWithoutEffect(entry.state))
  if (highest?.round === asked.round) {
    const detail = `Round ${asked.round} of this slot was granted twice; this grant never acts.`
    return {
      kind: 'none',
      code: 'IDEMPOTENCY_CONFLICT',
      detail,
      isAlarm: true,
      isGrantedTwice: true,
      ...(open === undefined ? {} : { holder: open }),
    }
  }
  if (open === undefined) return { kind: 'new', toClose: [] }
  const mayClose = open.state === 'UNKNOWN' || open.state === 'NEEDS_HUMAN'
  // The record closed that round (a person did, or an outcome that an older copy of this ledger
  // lacks). What happened or is in hand stays the holder whatever the record says.
  if (mayClose && asked.closedRounds.includes(open.round)) return { kind: 'new', toClose: [open] }
  const detail = `Round ${open.round} holds this slot as ${open.state}.`
  return { kind: 'none', code: 'IDEMPOTENCY_CONFLICT', detail, holder: open, isAlarm: true }
}

function own(asked: Round, entry: Entry): Found {
  const isSame =
    entry.effectKey === asked.effectKey &&
    entry.round === asked.round &&
    entry.argsHash === asked.argsHash
  if (!isSame) {
    const detail = 'This grant id stands in the ledger for another round.'
    return { kind: 'none', code: 'IDEMPOTENCY_CONFLICT', detail, isAlarm: true }
  }
  if (entry.state === 'CLAIMED') {
    return { kind: 'none', code: 'IN_PROGRESS', detail: 'This grant is being acted on.' }
  }
  return { kind: 'recorded', entry }
}
