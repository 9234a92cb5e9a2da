/** What a composition of the tests has instead of a guard of the product, by the guard's name. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { isClosedWithoutEffect } from '@chimera/mcp-kit/ledger/entry'
import type { Ledger } from '@chimera/mcp-kit/ledger/ledger'
import type { ToolKind } from '@chimera/mcp-kit/open-tool-process'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { imaginedEntry } from '@chimera/mcp-kit/testing/imagined-entry'
import { inNoTurn } from '@chimera/mcp-kit/testing/in-no-turn'

import { openWith, withoutChecks } from '../without-guards.ts'

/** What can be taken out; `ledger` answers once the server has one. */
export const WITHOUT: Readonly<
  Record<string, (kind: ToolKind & { rules: Rules }, ledger: () => Ledger) => Partial<ToolKind>>
> = {
  claim: ({ rules }) => ({ rules: withoutClaim(rules) }),
  fence: ({ rules }) => ({
    rules: { ...withoutChecks(rules, 'isNotFenced'), maySend: () => undefined },
  }),
  /** A call that is read a moment before the stop that came with it is acted on. */
  'catch-up': ({ rules }) => ({ rules: { ...rules, openTurns: inNoTurn } }),
  'second-look': ({ rules }) => ({ rules: { ...rules, maySend: () => undefined } }),
  boot: ({ rules }) => ({
    rules: { ...rules, behindOf: () => undefined, provesAbsence: () => true },
  }),
  'boot-of-grant': ({ rules }) => ({ rules: withoutChecks(rules, 'isThisBoot') }),
  lock: () => ({ openDatabase: openShared }),
  /** A grant that the ledger lacks is not looked for at the provider. */
  handle: ({ reconciler: { absence, look } }) => ({ reconciler: { absence, look } }),
  /** A closed round may act again; the primary key would still refuse, so claims are imagined. */
  tombstone: ({ rules }) => ({
    rules: {
      ...withoutClaim(rules),
      lookUp: (asked, own, rounds) =>
        own !== undefined && isClosedWithoutEffect(own.state)
          ? { kind: 'new', toClose: [] }
          : rules.lookUp(asked, own, rounds),
    },
  }),
  /** A round may act under any grant that names it. */
  'single-use': ({ rules }) => ({
    rules: {
      ...withoutClaim(rules),
      lookUp: (asked, own, rounds) =>
        own === undefined && rounds[0]?.round === asked.round
          ? { kind: 'new', toClose: [] }
          : rules.lookUp(asked, own, rounds),
    },
  }),
  /** What an expired grant came to is not looked up: it counts as refused. */
  'ledger-first': ({ rules }, ledger) => ({
    rules: {
      ...rules,
      lookUp: (asked, own, rounds) =>
        own?.claimedMs !== undefined && own.claimedMs + FORGETS_AFTER_MS < ledger().now()
          ? { kind: 'recorded', entry: { ...own, state: 'REFUSED' } }
          : rules.lookUp(asked, own, rounds),
    },
  }),
  /** Whatever key a grant names is believed to be that of its slot. */
  'slot-key': ({ rules }) => ({ rules: withoutChecks(rules, 'isForThisServer') }),
  expiry: ({ rules }) => ({ rules: withoutChecks(rules, 'isNotExpired') }),
  /** One look that does not show it is proof enough, however early. */
  absence: ({ reconciler }) => ({
    reconciler: {
      ...reconciler,
      absence: { ...reconciler.absence, afterMs: -3_600_000, reads: 1 },
    },
  }),
  /** Nor does it matter by whose clock: what the provider does not show does not exist. */
  'provider-clock': ({ reconciler }) => ({
    reconciler: {
      absence: { ...reconciler.absence, afterMs: -3_600_000, reads: 1 },
      look: async (entry, known) => {
        const seen = await reconciler.look(entry, known)
        return seen.kind === 'not_yet' ? { kind: 'unseen' } : seen
      },
    },
  }),
  /** A post with the words of an effect is that effect's, whoever else could have said them. */
  rivals: ({ reconciler }) => ({
    reconciler: {
      ...reconciler,
      look: (entry, known) => reconciler.look(entry, { ...known, rivals: () => [] }),
    },
  }),
  /** A fence that is up or down, and not a number that only rises. */
  'fence-epoch': ({ rules }, ledger) => ({
    rules: {
      ...withoutChecks(rules, 'isNotFenced'),
      maySend: () =>
        ledger().fences.get('everything')?.isStopped === true
          ? { code: 'FENCED', detail: 'A stop is in force.' }
          : undefined,
    },
  }),
  'durable-fence': () => ({
    openDatabase: openWith('DROP TRIGGER IF EXISTS fences_are_kept; DELETE FROM fences'),
  }),
  'closed-rounds': ({ rules }) => ({
    rules: {
      ...rules,
      lookUp: (asked, own, rounds) => rules.lookUp({ ...asked, closedRounds: [] }, own, rounds),
    },
  }),
  /** A grant that the ledger lacks is said to be void, whatever boot it was made for. */
  'boot-ask': ({ rules }) => ({
    rules: {
      ...rules,
      claimChecks: [
        ({ claims }, { ledger: own }) =>
          claims.boot === own.boot
            ? undefined
            : { kind: 'void', code: 'BOOT_CHANGED', detail: 'It is not in this ledger.' },
        ...withoutChecks(rules, 'isThisBoot').claimChecks,
      ],
    },
  }),
  /** A look-up that errs: what then holds a slot to one open round is the ledger alone. */
  'look-up': ({ rules }) => ({ rules: { ...rules, lookUp: () => ({ kind: 'new', toClose: [] }) } }),
  'ledger-index': () => ({
    openDatabase: openWith('DROP TRIGGER IF EXISTS entries_one_open_round'),
  }),
  /** A person's word is about the slot: whatever round of it is the newest by now. */
  'settled-grant': ({ rules }) => ({
    rules: {
      ...rules,
      settledBy: ({ entries }, claims) => entries.ofKey(claims.effect_key)[0],
    },
  }),
  /** One clock that people set, and no other to compare it with. */
  'steady-clock': () => ({ clock: { wall: () => Date.now(), monotonic: () => Date.now() } }),
}

const FORGETS_AFTER_MS = 1_500

/** Acts first and writes nothing down: what most tools do. */
const withoutClaim = (rules: Rules): Rules => ({
  ...rules,
  lookUp: () => ({ kind: 'new', toClose: [] }),
  claim: (_ledger, about, claim) => imaginedEntry(about, claim),
  settle: ({ entry }) => ({ ...entry, state: 'CONFIRMED' }),
})

/** A ledger that another process can open as well. */
function openShared(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  return database
}
