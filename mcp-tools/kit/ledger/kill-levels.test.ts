import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { openExclusiveDatabase } from './exclusive-database.ts'
import { openLedger, type Ledger } from './ledger.ts'

let folder: string
let ledger: Ledger
const file = (): string => path.join(folder, 'ledger.db')
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kill-levels-'))
  ledger = openLedger({ path: file(), account: 'paper' })
})
afterEach(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

const to = (level: number) => ({ level, reason: 'a test', actor: 'test', atMs: 1_000 })
const raise = (level: number): number => ledger.transact(() => ledger.kill.raise(to(level))).level
const set = (level: number): number =>
  ledger.transact(() => ledger.kill.setByOperator(to(level))).level

test('it begins at 0, rises, and never falls by being raised', () => {
  expect(ledger.kill.current()).toEqual({ level: 0 })
  expect([raise(2), raise(1), raise(2), raise(4)]).toEqual([2, 2, 2, 4])
  expect(ledger.kill.history(10).map(({ level }) => level)).toEqual([4, 2])
})

test('only the word of the operator lowers it, and the history keeps why', () => {
  raise(5)
  expect(set(0)).toBe(0)
  expect(raise(1)).toBe(1)
  expect(ledger.kill.history(2)).toEqual([to(1), to(0)])
})

const word = { reason: 'the record', actor: 'judge', atMs: 1_000 }
const take = (epochs: Record<string, number>, isSigned: boolean): void =>
  ledger.transact(() => ledger.kill.takeFromRecord(epochs, { ...word, isSigned }))

test('a tenant has a level of its own, and the stricter one counts', () => {
  ledger.transact(() => ledger.kill.raise({ ...to(3), scope: 'tenant:a' }))
  raise(1)
  const levels = ['a', 'b', undefined].map((tenant) => ledger.kill.levelFor(tenant))
  expect(levels).toEqual([3, 1, 1])
  expect(ledger.kill.epochs()).toEqual({ everything: 1, 'tenant:a': 3 })
})

test('the word of an older record lowers nothing, that of a newer one only when signed', () => {
  raise(4)
  set(2)
  expect(ledger.kill.epochs()).toEqual({ everything: 8 })
  take({ everything: 0 }, true)
  take({ everything: 5 }, true)
  expect(ledger.kill.current().level).toBe(2)
  take({ everything: 12 }, false)
  expect(ledger.kill.epochs()).toEqual({ everything: 8 })
  take({ everything: 15 }, false)
  expect(ledger.kill.current()).toMatchObject({ level: 3, reason: 'the record' })
  take({ everything: 18 }, true)
  expect(ledger.kill.current().level).toBe(0)
})

test('a restart forgets nothing', () => {
  raise(3)
  ledger[Symbol.dispose]()
  ledger = openLedger({ path: file(), account: 'paper' })
  expect(ledger.kill.current()).toMatchObject({ level: 3, reason: 'a test' })
})

test('a commit that fails has not changed it', () => {
  raise(3)
  expect(() =>
    ledger.transact(() => {
      ledger.kill.setByOperator(to(0))
      throw new Error('full disk')
    }),
  ).toThrow('full disk')
  expect(ledger.kill.current().level).toBe(3)
})

test('the file itself refuses a lower level, a change and a deletion', () => {
  raise(3)
  ledger[Symbol.dispose]()
  const database = openExclusiveDatabase(file())
  const tries = [
    `INSERT INTO kill_steps (scope, epoch, level, said_by, reason, actor, at_ms, seq)
     VALUES ('everything', 2, 2, 'operator', 'x', 'x', 1, 1)`,
    `INSERT INTO kill_steps (scope, epoch, level, said_by, reason, actor, at_ms, seq)
     VALUES ('everything', 6, 0, 'raise', 'x', 'x', 1, 1)`,
    'UPDATE kill_steps SET level = 0',
    'DELETE FROM kill_steps',
  ]
  for (const statement of tries) expect(() => database.exec(statement)).toThrow('a kill level')
  database.close()
  ledger = openLedger({ path: file(), account: 'paper' })
})
