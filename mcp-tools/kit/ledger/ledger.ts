import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

import { InvariantError } from '@chimera/contracts/errors'
import { newId as newUuid } from '@chimera/contracts/ids'
import { onceATurn } from '@chimera/runtime/once-a-turn'
import { z } from 'zod'

import { openBoots, type Boots } from './boots.ts'
import { openCommits, type Apart, type OnWritable } from './commits.ts'
import { openDoubt, type Doubt } from './doubt.ts'
import { openEntries, type Entries } from './entries.ts'
import { heldOr, openExclusiveDatabase } from './exclusive-database.ts'
import { openFences, type Fences } from './fences.ts'
import { openHolds, type Holds } from './holds.ts'
import { openKillLevels, type KillLevels } from './kill-levels.ts'
import { LEDGER_STEPS } from './ledger-schema.ts'
import {
  MAX_JUMP_MS,
  openSteadyClock,
  SYSTEM_CLOCK,
  type Clock,
  type SteadyClock,
} from './steady-clock.ts'

/**
 * The durable half of the promise (design.md sections 5 and 12): what this account was allowed to
 * do, what it began, and what came of it. Held by one process for its whole life.
 */
export type Ledger = Disposable &
  Readonly<{
    /** Born with the file. */
    id: string
    path: string
    /** The account that the file was made for; a server of another one must stay closed. */
    account: string
    /** This start. */
    boot: string
    entries: Entries
    fences: Fences
    boots: Boots
    holds: Holds
    doubt: Doubt
    kill: KillLevels
    seq: () => number
    /** Within a commit: it and all that follow are numbered above `seq`. */
    raiseSeq: (seq: number) => void
    clock: SteadyClock
    /**
     * Milliseconds: the clock's, or the highest that the ledger has ever seen when that is later. A
     * clock that was put back is caught up with at half its speed: windows last a little longer,
     * and nothing stands still.
     */
    now: () => number
    /** The plain clock, for comparison with a provider's. */
    wall: () => number
    /**
     * The record agrees with the wall clock (GRANTS=off: nobody can). When that is ahead of what
     * was believed, open entries and windows move along: less time has passed than it seems.
     */
    proveClock: () => void
    /**
     * Runs `work` in one durable commit with a number of its own. Nothing in it may await. When it
     * throws, nothing is written; when it writes nothing, there is no commit.
     */
    transact: <T>(work: () => T) => T
    /**
     * The same for work that need not be done at once: whatever comes in one turn of the loop
     * shares a commit, and so one write to the disk. Each piece of work stands or falls by itself;
     * answered when the commit is durable.
     */
    share: <T>(work: () => T) => Promise<T>
    /** Within a commit: work whose failure takes back its own writes alone. Nests. */
    apart: <T>(work: () => T) => Apart<T>
    /**
     * Why the last commit could not be written, as long as none can: nothing is claimed then. Asked
     * from time to time, it tries by itself whether there is room again.
     */
    unwritable: () => string | undefined
    /** Size of the file, its write-ahead log aside. */
    bytes: () => number
    /** Writes a whole copy into an empty file; nothing else can read a ledger that is held. */
    copyInto: (path: string) => void
    /** False once the file at the path is another one: then this lock protects nothing any more. */
    isInPlace: () => boolean
  }>

const Head = z.object({
  ledger_id: z.uuid(),
  account: z.string(),
  seq: z.int(),
  highest_ms: z.int(),
})
const Version = z.object({ user_version: z.int() })
const Size = z.object({ bytes: z.int() })
const SIZE = 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size'

/**
 * Opens or makes the ledger of an account, takes its lock, writes this boot, and turns what a dead
 * predecessor had in hand into UNKNOWN. Throws LEDGER_HELD when another process has it.
 * `openDatabase` and `newId` are there for tests; `onWritable` hears of a full disk and of its end.
 */
export function openLedger(options: {
  path: string
  account: string
  clock?: Clock
  newId?: () => string
  openDatabase?: (path: string) => DatabaseSync
  onWritable?: OnWritable
}): Ledger {
  const { path, account, clock = SYSTEM_CLOCK, newId = newUuid } = options
  const { openDatabase = openExclusiveDatabase, onWritable = () => {} } = options
  const database = openDatabase(path)
  try {
    const boot = newId()
    const head = begin({ database, account, newId })
    const inode = statSync(path).ino
    const ledger = assemble({ database, head, path, inode, boot, clock, onWritable })
    database.exec('COMMIT')
    return ledger
  } catch (cause) {
    database.close()
    throw heldOr(cause, path)
  }
}

type Head = z.infer<typeof Head>

/** Takes the lock by beginning to write; makes the tables in a new file. */
function begin(given: { database: DatabaseSync; account: string; newId: () => string }): Head {
  const { database } = given
  database.exec('BEGIN IMMEDIATE')
  const version = Version.parse(database.prepare('PRAGMA user_version').get()).user_version
  if (version > LEDGER_STEPS.length) {
    throw new InvariantError(`The ledger has layout ${version}; this is ${LEDGER_STEPS.length}.`)
  }
  for (const step of LEDGER_STEPS.slice(version)) database.exec(step)
  database.exec(`PRAGMA user_version = ${LEDGER_STEPS.length}`)
  if (version === 0) {
    database
      .prepare(
        'INSERT INTO ledger (one, ledger_id, account, seq, highest_ms) VALUES (1, ?, ?, 0, 0)',
      )
      .run(given.newId(), given.account)
  }
  return Head.parse(database.prepare('SELECT * FROM ledger').get())
}

function assemble(given: {
  database: DatabaseSync
  head: Head
  path: string
  inode: number
  boot: string
  clock: Clock
  onWritable: OnWritable
}): Ledger {
  const { database, head, path, boot, onWritable } = given
  const state = { seq: head.seq, committed: head.seq, highestMs: head.highest_ms }
  const clock = openSteadyClock(given.clock)
  const now = openLedgerTime(clock, state)
  const size = database.prepare(SIZE)
  const copyInto = database.prepare('VACUUM INTO ?')
  const saveHead = database.prepare('UPDATE ledger SET seq = ?, highest_ms = ?')
  const seq = (): number => state.seq
  const entries = openEntries(database, seq, () => state.committed)
  const save = (n: number): void => void saveHead.run(n, Math.floor(state.highestMs))
  const { monotonic } = clock
  const commits = openCommits({ database, path, state, save, monotonic, onWritable })
  const { transact } = commits
  const ledger = {
    id: head.ledger_id,
    path,
    account: head.account,
    boot,
    entries,
    fences: openFences(database, seq),
    boots: openBoots(database),
    holds: openHolds(database),
    doubt: openDoubt(database),
    kill: openKillLevels(database, seq),
    seq,
    raiseSeq: (to: number): void => {
      state.seq = Math.max(state.seq, to + 1)
    },
    clock,
    now,
    wall: clock.wall,
    proveClock: () => {
      const aheadMs = clock.prove()
      if (aheadMs > MAX_JUMP_MS) transact(() => entries.moveAlong(aheadMs))
    },
    ...commits,
    bytes: () => Size.parse(size.get()).bytes,
    copyInto: (to: string) => void copyInto.run(to),
    isInPlace: onceATurn(() => statSync(path, { throwIfNoEntry: false })?.ino === given.inode),
    [Symbol.dispose]: () => database.close(),
  }
  // Within the transaction that took the lock: a boot that is not written was never begun.
  state.seq += 1
  ledger.boots.begin(boot, now())
  ledger.entries.recoverClaims(now())
  save(state.seq)
  return ledger
}

/** Nothing of a clock that nobody has agreed with yet is kept: it may be off by years. */
function openLedgerTime(clock: SteadyClock, state: { highestMs: number }): () => number {
  let seenMs = clock.monotonic()
  return () => {
    const clockMs = clock.now()
    const passedMs = clock.monotonic() - seenMs
    if (!clock.isProven()) return Math.max(Math.floor(state.highestMs), clockMs)
    seenMs += passedMs
    state.highestMs = Math.max(state.highestMs + passedMs / 2, clockMs)
    return Math.floor(state.highestMs)
  }
}
