import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'

import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { Claim, EntryAbout } from './entry-writes.ts'
import { LEDGER_STEPS } from './ledger-schema.ts'
import { openLedger, type Ledger } from './ledger.ts'

let folder: string
let path: string
let clockMs: number
let wallAheadMs: number
const open: Ledger[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-ledger-'))
  path = join(folder, 'deep', 'ledger.sqlite')
  clockMs = 1_700_000_000_000
  wallAheadMs = 0
})
afterEach(() => {
  for (const ledger of open.splice(0)) ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

function openHere(): Ledger {
  const ledger = openLedger({
    path,
    account: 'a',
    clock: { wall: () => clockMs + wallAheadMs, monotonic: () => clockMs },
  })
  open.push(ledger)
  return ledger
}

function reopen(): Ledger {
  open.pop()?.[Symbol.dispose]()
  return openHere()
}

const about = (other: Partial<EntryAbout> = {}): EntryAbout => ({
  effectKey: 'k'.repeat(64),
  round: 1,
  grantId: newId(),
  argsHash: 'a'.repeat(64),
  account: 'a',
  tool: 'post_tweet',
  mode: 'paper',
  scope: { goal: 'g' },
  boot: newId(),
  incarnation: newId(),
  isSimulated: true,
  ...other,
})
const claim = (): Claim => ({
  args: '{}',
  content: 'hello',
  send: { method: 'POST', url: 'http://x', body: new TextEncoder().encode('bytes') },
  deadlineMs: 10_000,
  costUsdMicros: '1',
  claimedMs: clockMs,
  claimedWallMs: clockMs,
})

describe('what a file keeps', () => {
  test('its id, and every boot that ever was', () => {
    const first = openHere()
    const { id, boot } = first
    const second = reopen()
    expect(second.id).toBe(id)
    expect(second.boots.all()).toEqual([boot, second.boot])
  })

  test('the account that it was made for', () => {
    openHere()[Symbol.dispose]()
    open.pop()
    const ledger = openLedger({ path, account: 'b' })
    open.push(ledger)
    expect(ledger.account).toBe('a')
  })

  test('a time that never goes back, and never stands still', () => {
    const first = openHere()
    first.proveClock()
    const startMs = first.now()
    first.transact(() => first.fences.raise('everything', { epoch: 1, isStopped: false }))
    wallAheadMs = -3_600_000
    first.proveClock()
    expect(first.now()).toBe(startMs)
    const second = reopen()
    second.proveClock()
    expect(second.now()).toBe(startMs)
    clockMs += 60_000
    expect(second.now()).toBe(startMs + 30_000)
    clockMs += 7_200_000
    expect(second.now()).toBe(clockMs - 3_600_000)
  })

  test('nothing of a clock that nobody agreed with', () => {
    wallAheadMs = 86_400_000
    const first = openHere()
    first.transact(() => first.fences.raise('everything', { epoch: 1, isStopped: false }))
    wallAheadMs = 0
    expect(reopen().now()).toBe(clockMs)
  })

  test('a file of the first layout is taken over', () => {
    const [firstStep = ''] = LEDGER_STEPS
    mkdirSync(dirname(path), { recursive: true })
    const database = new DatabaseSync(path)
    database.exec(firstStep)
    database.exec(`PRAGMA user_version = 1;
      INSERT INTO ledger (one, ledger_id, account, seq, highest_ms)
        VALUES (1, '${newId()}', 'a', 7, 0);
      INSERT INTO boots (boot, started_ms) VALUES ('${newId()}', 1)`)
    database.close()
    const ledger = openHere()
    expect(ledger.seq()).toBe(8)
    expect(ledger.boots.all()).toHaveLength(2)
    expect(ledger.doubt.of()).toBeUndefined()
  })

  test('what a dead holder had in hand, as UNKNOWN, counted from when it can have left', () => {
    const first = openHere()
    const dead = about()
    first.transact(() => first.entries.claim(dead, claim()))
    clockMs += 60_000
    const entry = reopen().entries.get(dead.grantId)
    expect(entry).toMatchObject({ state: 'UNKNOWN', leftByMs: clockMs - 50_000 })
  })
})

describe('a commit', () => {
  test('has a number of its own, which its rows carry', () => {
    const ledger = openHere()
    const before = ledger.seq()
    const one = ledger.transact(() => ledger.entries.claim(about(), claim()))
    expect(one.seq).toBe(before + 1)
    expect(ledger.seq()).toBe(before + 1)
    expect(reopen().seq()).toBeGreaterThan(before + 1)
  })

  test('that writes nothing takes no number', () => {
    const ledger = openHere()
    const before = ledger.seq()
    ledger.transact(() => ledger.entries.ofKey('nothing'))
    expect(ledger.seq()).toBe(before)
  })

  test('writes nothing when it throws', () => {
    const ledger = openHere()
    const before = ledger.seq()
    const wanted = about()
    expect(() =>
      ledger.transact(() => {
        ledger.entries.claim(wanted, claim())
        throw new Error('on second thoughts')
      }),
    ).toThrow('on second thoughts')
    expect(ledger.entries.byGrant(wanted.grantId)).toBeUndefined()
    expect(ledger.seq()).toBe(before)
  })

  test('may not await, and may not be begun in another', () => {
    const ledger = openHere()
    expect(() => ledger.transact(async () => ledger.entries.claim(about(), claim()))).toThrow(
      'may not await',
    )
    expect(() => ledger.transact(() => ledger.transact(() => 1))).toThrow('begun in another')
    expect([...ledger.entries.all()]).toEqual([])
  })
})

describe('an entry', () => {
  test('has one open round per slot', () => {
    const ledger = openHere()
    const first = ledger.transact(() => ledger.entries.claim(about(), claim()))
    const second = () => ledger.transact(() => ledger.entries.claim(about({ round: 2 }), claim()))
    expect(second).toThrow('a slot has one open round')
    const done = { state: 'REFUSED', settledMs: clockMs } as const
    ledger.transact(() => ledger.entries.settle(first, done))
    expect(second()).toMatchObject({ round: 2, state: 'CLAIMED' })
  })

  test('is told as it will be read', () => {
    const ledger = openHere()
    const [claimed, buried] = [about(), about({ effectKey: 'other', scope: { tenant: 'a' } })]
    const known = { ...claim(), facts: { nonce: '7' } }
    const told = [
      ledger.transact(() => ledger.entries.claim(claimed, known)),
      ledger.transact(() =>
        ledger.entries.put(buried, { state: 'VOID', code: 'FENCED', detail: 'x', settledMs: 1 }),
      ),
    ]
    const read = () => [claimed, buried].map(({ grantId }) => ledger.entries.get(grantId))
    expect(told).toEqual(read())
    const found = { state: 'CONFIRMED', settledMs: 2, leftByMs: 3, providerRef: '7' } as const
    const actual = { url: 'http://x/7', facts: { hash: '0x1' }, costUsdMicros: 9n }
    const [entry] = told
    if (entry === undefined) throw new TypeError('Nothing was told.')
    ledger.transact(() => ledger.entries.noteFacts(entry.grantId, { kind: 'noted' }))
    expect(ledger.transact(() => ledger.entries.settle(entry, { ...found, ...actual }))).toEqual(
      read()[0],
    )
  })

  test('is known by its round, and by its grant, once', () => {
    const ledger = openHere()
    const first = about()
    const tombstone = { state: 'VOID', settledMs: clockMs } as const
    ledger.transact(() => ledger.entries.put(first, tombstone))
    expect(() => ledger.transact(() => ledger.entries.put(about(), tombstone))).toThrow(/UNIQUE/)
    const sameGrant = about({ effectKey: 'other', grantId: first.grantId })
    expect(() => ledger.transact(() => ledger.entries.put(sameGrant, tombstone))).toThrow(/UNIQUE/)
  })

  test('binds an object of the provider to one effect', () => {
    const ledger = openHere()
    const [one, two] = [about(), about({ effectKey: 'other' })]
    const confirmed = { state: 'CONFIRMED', settledMs: 1, providerRef: '42' } as const
    const settle = (which: EntryAbout) =>
      ledger.transact(() => ledger.entries.settle(ledger.entries.claim(which, claim()), confirmed))
    settle(one)
    expect(() => settle(two)).toThrow(/UNIQUE/)
  })

  test.each([
    ['CLAIMED', 'NOT_HAPPENED'],
    ['CLAIMED', 'VOID'],
    ['UNKNOWN', 'REFUSED'],
    ['UNKNOWN', 'NOT_SENT'],
    ['CONFIRMED', 'NOT_HAPPENED'],
    ['REFUSED', 'CONFIRMED'],
    ['NOT_SENT', 'UNKNOWN'],
  ] as const)('may not go from %s to %s', (from, to) => {
    const ledger = openHere()
    const { entries } = ledger
    const claimed = ledger.transact(() => entries.claim(about(), claim()))
    const left =
      from === 'CLAIMED'
        ? claimed
        : ledger.transact(() => entries.settle(claimed, { state: from, settledMs: 1 }))
    expect(() => ledger.transact(() => entries.settle(left, { state: to, settledMs: 2 }))).toThrow(
      'may not move so',
    )
  })

  test('is moved from the state in which it was read, and no other', () => {
    const ledger = openHere()
    const claimed = ledger.transact(() => ledger.entries.claim(about(), claim()))
    const settle = () =>
      ledger.transact(() => ledger.entries.settle(claimed, { state: 'REFUSED', settledMs: 1 }))
    expect(settle()).toEqual(ledger.entries.get(claimed.grantId))
    expect(settle).toThrow('was not CLAIMED')
  })

  test('is never deleted, and stays about what it was about', () => {
    openHere().transact(() => open[0]?.entries.claim(about(), claim()))
    open.pop()?.[Symbol.dispose]()
    using database = new DatabaseSync(path)
    expect(() => database.exec('DELETE FROM entries')).toThrow('never deleted')
    expect(() => database.exec("UPDATE entries SET args_hash = 'x'")).toThrow('never changes')
    expect(() => database.exec('UPDATE entries SET round = 2')).toThrow('never changes')
  })
})

describe('a fence', () => {
  test('only rises, stays stopped at its epoch, and survives a restart', () => {
    const ledger = openHere()
    const raise = (epoch: number, isStopped: boolean) =>
      open.at(-1)?.transact(() => open.at(-1)?.fences.raise('everything', { epoch, isStopped }))
    expect(raise(3, true)).toEqual({ epoch: 3, isStopped: true })
    expect(raise(2, false)).toEqual({ epoch: 3, isStopped: true })
    expect(raise(3, false)).toEqual({ epoch: 3, isStopped: true })
    expect(ledger.fences.findFenced(['everything'], { everything: 3 })).toBe('everything')
    expect(reopen().fences.get('everything')).toEqual({ epoch: 3, isStopped: true })
    expect(raise(4, false)).toEqual({ epoch: 4, isStopped: false })
  })

  test('lets pass what was granted at its epoch, and fences off what was granted below', () => {
    const { fences, transact } = openHere()
    transact(() => fences.raise('agent:a', { epoch: 2, isStopped: false }))
    expect(fences.findFenced(['everything', 'agent:a'], { 'agent:a': 2 })).toBeUndefined()
    expect(fences.findFenced(['everything', 'agent:a'], { 'agent:a': 1 })).toBe('agent:a')
    expect(fences.findFenced(['everything', 'agent:a'], {})).toBe('agent:a')
    expect(fences.findFenced(['everything', 'agent:b'], {})).toBeUndefined()
  })
})

describe('the lock', () => {
  test('keeps a second holder out, and readers too', () => {
    openHere()
    expect(() => openLedger({ path, account: 'a' })).toThrow(
      expect.objectContaining({ code: 'LEDGER_HELD' }),
    )
    using reader = new DatabaseSync(path, { readOnly: true, timeout: 0 })
    expect(() => reader.prepare('SELECT * FROM entries').all()).toThrow(/locked/)
  })

  test('protects nothing any more once the file at its path is another', async () => {
    const ledger = openHere()
    expect(ledger.isInPlace()).toBe(true)
    renameSync(path, `${path}.moved`)
    await turn()
    expect(ledger.isInPlace()).toBe(false)
    writeFileSync(`${path}.copy`, '')
    copyFileSync(`${path}.copy`, path)
    await turn()
    expect(ledger.isInPlace()).toBe(false)
  })
})
