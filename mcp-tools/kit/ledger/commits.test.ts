import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

import { ChimeraError } from '@chimera/contracts/errors'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { openExclusiveDatabase } from './exclusive-database.ts'
import { openLedger, type Ledger } from './ledger.ts'

let folder: string
let database: DatabaseSync
let ledger: Ledger
let monotonicMs: number
let heard: (string | undefined)[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-commits-'))
  monotonicMs = 0
  heard = []
  ledger = openLedger({
    path: join(folder, 'ledger.sqlite'),
    account: 'x-test',
    clock: { wall: () => 1_800_000_000_000 + monotonicMs, monotonic: () => monotonicMs },
    openDatabase: (path) => (database = openExclusiveDatabase(path)),
    onWritable: (fault) => void heard.push(fault?.code),
  })
})
afterEach(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** SQLite's own way to be out of room: it answers as it does on a full disk. */
const takeRoom = (): void => {
  database.exec('PRAGMA max_page_count = 1')
}
const giveRoom = (): void => {
  database.exec('PRAGMA max_page_count = 100000')
}
/** Too much for what is left of a page. */
const bulky = (n: number): void =>
  ledger.transact(() => {
    for (let at = 0; at < 50; at += 1) ledger.holds.extend(bulkyName(n, at), 1)
  })
const bulkyName = (n: number, at: number): string => `${'x'.repeat(400)}${n}-${at}`
const codeOf = (work: () => void): string | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof ChimeraError ? error.code : String(error)
  }
}

test('a commit that finds no room leaves nothing behind, and says so once', () => {
  takeRoom()
  const seq = ledger.seq()
  expect([1, 2].map((n) => codeOf(() => bulky(n)))).toEqual([
    'LEDGER_UNWRITABLE',
    'LEDGER_UNWRITABLE',
  ])
  expect(ledger.seq()).toBe(seq)
  expect(ledger.holds.until(bulkyName(1, 0))).toBeUndefined()
  expect(ledger.unwritable()).toContain('database or disk is full')
  expect(heard).toEqual(['LEDGER_UNWRITABLE'])
})

test('who shares a commit that finds no room is told so, and whoever comes with it', async () => {
  takeRoom()
  const small = ledger.share(() => ledger.holds.extend('small', 1))
  const large = ledger.share(() => {
    for (let at = 0; at < 50; at += 1) ledger.holds.extend(bulkyName(1, at), 1)
  })
  const told = await Promise.allSettled([small, large])
  for (const each of told) {
    expect(each).toMatchObject({ status: 'rejected', reason: { code: 'LEDGER_UNWRITABLE' } })
  }
  expect(ledger.holds.until('small')).toBeUndefined()
  expect(heard).toEqual(['LEDGER_UNWRITABLE'])
})

test('it is tried again from time to time, and by the next commit', () => {
  takeRoom()
  codeOf(() => bulky(1))
  giveRoom()
  expect(ledger.unwritable(), 'at once').toBeDefined()
  monotonicMs += 500
  expect(ledger.unwritable()).toBeUndefined()
  expect(heard).toEqual(['LEDGER_UNWRITABLE', undefined])
  bulky(2)
  expect(ledger.holds.until(bulkyName(2, 0))).toBe(1)
})

test('a fence that found no room is up, and is written when it comes again', () => {
  takeRoom()
  const scope = `goal:${'x'.repeat(20_000)}`
  const raise = (): void => {
    ledger.transact(() => ledger.fences.raise(scope, { epoch: 1, isStopped: true }))
  }
  expect(codeOf(raise)).toBe('LEDGER_UNWRITABLE')
  expect(ledger.fences.findFenced([scope], {})).toBe(scope)
  giveRoom()
  raise()
  ledger[Symbol.dispose]()
  ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: 'x-test' })
  expect(ledger.fences.get(scope)).toEqual({ epoch: 1, isStopped: true })
})

test('a defect is no full disk', () => {
  const failing = () =>
    ledger.transact(() => {
      throw new TypeError('a defect')
    })
  expect(failing).toThrow('a defect')
  expect(ledger.unwritable()).toBeUndefined()
  expect(heard).toEqual([])
})
