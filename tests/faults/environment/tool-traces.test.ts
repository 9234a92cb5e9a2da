import { describe } from 'vitest'

import { control, guarantee } from '../../guarantee.ts'
import * as traces from './tool-traces.ts'

/** A rule of the model on real processes: its trace, and the trace without the rule. */
type Row = Readonly<{
  rule: string
  title: string
  trace: traces.Trace
  /** What the product is composed without in both: a guard that stands before this one. */
  on?: string
  guard: string
  without: string
  expect: RegExp
}>

const TWICE = /I1 provider effects for one intended effect.*length of 1 but got 2/s

const ROWS: readonly Row[] = [
  {
    rule: 'once',
    title: 'a grant that was voided never acts when it comes after all',
    trace: traces.voidedGrantComes,
    guard: 'the tombstone of a closed round',
    without: 'tombstone',
    expect: TWICE,
  },
  {
    rule: 'single-use',
    title: 'a round acts once, whatever grant names it',
    trace: traces.roundGrantedTwice,
    guard: 'the single use of a round',
    without: 'single-use',
    expect: TWICE,
  },
  {
    rule: 'ledgerfirst',
    title: 'an expired grant that comes again is told what it came to',
    trace: traces.expiredComesAgain,
    guard: 'the look-up before the expiry',
    without: 'ledger-first',
    expect: /I7 what the record is told of what happened.*'REFUSED'/s,
  },
  {
    rule: 'expclaim',
    title: 'a grant that has run out is not claimed',
    trace: traces.expiredBeforeClaim,
    guard: 'the look at the expiry in the claim',
    without: 'expiry',
    expect: /I2 claimed on an expired grant/,
  },
  {
    rule: 'expsend',
    title: 'a grant that runs out after its claim is not sent',
    trace: traces.expiredBeforeSend,
    guard: 'the second look before the socket',
    without: 'second-look',
    expect: /I2 sent on an expired grant/,
  },
  {
    rule: 'quiesce',
    title: 'what is not there yet is not absent',
    trace: traces.shownLate,
    guard: 'the bound of absence',
    without: 'absence',
    expect: TWICE,
  },
  {
    rule: 'content',
    title: 'one post proves one of two effects only when it cannot be the other',
    trace: traces.sameWords,
    guard: 'the look at other open effects with the same words',
    without: 'rivals',
    // Whichever is looked at first gets the post, though it may be the other's.
    expect: /I7 what nobody can tell/,
  },
  {
    rule: 'fencegen',
    title: 'what was claimed before a stop is not sent after the resume either',
    trace: traces.resumedBeforeSend,
    guard: 'the epoch of the fence',
    without: 'fence-epoch',
    expect: /I3b a grant from before the stop leaves after it/,
  },
  {
    rule: 'fencedurable',
    title: 'a stop holds through a restart of the tool server',
    trace: traces.restartedAfterStop,
    guard: 'the durable fence, and the boot',
    without: 'durable-fence,boot-of-grant',
    expect: /I3 effect leaves after the stop/,
  },
  {
    rule: 'boot',
    title: 'a grant that was voided in a lost ledger does not act on a new one',
    trace: traces.voidedInLostLedger,
    guard: 'the boot in the grant',
    without: 'boot-of-grant',
    expect: /I4 an effect of a round that the record has closed/,
  },
  {
    rule: 'bootask',
    title: 'what a new ledger lacks is not said to be void',
    trace: traces.strayOfLostLedger,
    guard: 'the refusal of an earlier boot without an entry',
    without: 'boot,boot-ask',
    expect: TWICE,
  },
  {
    rule: 'closedlist',
    title: 'a round that the record has closed does not hold its slot for ever',
    trace: traces.closedByTheRecord,
    guard: 'the closed rounds in the grant',
    without: 'closed-rounds',
    expect: /I6 round 2 of a slot whose round 1 is closed/,
  },
  {
    rule: 'ledger-index',
    title: 'a slot has one open round even when the look-up errs',
    trace: traces.secondOpenRound,
    on: 'look-up',
    guard: 'the unique index of open rounds in the ledger',
    without: 'ledger-index',
    expect: TWICE,
  },
  {
    rule: 'settle',
    title: "a person's word closes the round that the person looked at, and no other",
    trace: traces.personsWordComesLate,
    guard: "the settlement's binding to its grant",
    without: 'settled-grant',
    expect: TWICE,
  },
]

const composedWithout = (...names: (string | undefined)[]): string[] | undefined => {
  const given = names.filter((name) => name !== undefined)
  return given.length === 0 ? undefined : [`without=${given.join(',')}`]
}

// They mostly wait for clocks and for each other's processes.
describe.concurrent('on processes', () => {
  for (const row of ROWS) {
    const id = `process-${row.rule}`
    guarantee({ id, title: row.title, n: 1, seed: 1 }, () => row.trace(composedWithout(row.on)))
    control({ guard: row.guard, test: id, expect: row.expect }, () =>
      row.trace(composedWithout(row.on, row.without)),
    )
  }
})
