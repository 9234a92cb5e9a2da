import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { openLedgerCopies, type LedgerCopy } from './copy-ledger.ts'
import { openLedger, type Ledger } from './ledger.ts'

let folder: string
let ledger: Ledger
let copyLedger: () => LedgerCopy
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-copy-'))
  ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: 'a' })
  copyLedger = openLedgerCopies(ledger)
})
afterEach(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const names = (): string[] => readdirSync(folder).filter((name) => name.includes('copy'))

test('a copy is the whole ledger as of now, and leaves no file behind', () => {
  ledger.transact(() => ledger.fences.raise('everything', { epoch: 3, isStopped: true }))
  using copy = copyLedger()
  expect(names()).toEqual([])
  const bytes = readFileSync(copy.fd)
  expect(bytes).toHaveLength(copy.bytes)
  const path = join(folder, 'elsewhere.sqlite')
  writeFileSync(path, bytes)
  using again = openLedger({ path, account: 'a' })
  expect(again.id).toBe(ledger.id)
  expect(again.boots.has(ledger.boot)).toBe(true)
  expect(again.fences.get('everything')).toEqual({ epoch: 3, isStopped: true })
  expect(again.seq()).toBe(copy.seq + 1)
})

test('the lock holds while and after it is copied', () => {
  const isHeld = (): void =>
    expect(() => openLedger({ path: ledger.path, account: 'a' })).toThrow(
      expect.objectContaining({ code: 'LEDGER_HELD' }),
    )
  {
    using copy = copyLedger()
    readFileSync(copy.fd)
    isHeld()
  }
  isHeld()
})

test('one is made at a time, and a dead server’s leftovers go', () => {
  writeFileSync(join(folder, 'ledger.sqlite.copy-of-a-dead-one'), '')
  {
    using first = copyLedger()
    expect(names()).toEqual([])
    expect(first.bytes).toBeGreaterThan(0)
    expect(copyLedger).toThrow(expect.objectContaining({ code: 'IN_PROGRESS' }))
  }
  using second = copyLedger()
  expect(second.bytes).toBeGreaterThan(0)
})
