import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { openExclusiveDatabase } from './exclusive-database.ts'
import { openLedger, type Ledger } from './ledger.ts'

let folder: string
let ledger: Ledger
const commits: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chimera-share-'))
  ledger = openLedger({
    path: join(folder, 'ledger.sqlite'),
    account: 'account-1',
    openDatabase: (path) => {
      const database = openExclusiveDatabase(path)
      const exec = database.exec.bind(database)
      database.exec = (statement) => {
        if (statement === 'COMMIT') commits.push(statement)
        exec(statement)
      }
      return database
    },
  })
  commits.length = 0
})
afterEach(() => {
  ledger[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const bury = (name: string) =>
  ledger.entries.put(
    {
      effectKey: name,
      round: 1,
      grantId: newId(),
      argsHash: '',
      account: 'account-1',
      tool: 'noop',
      mode: 'paper',
      scope: {},
      boot: ledger.boot,
      incarnation: '',
      isSimulated: true,
    },
    { state: 'VOID', settledMs: 1 },
  )

const keys = (): string[] => [...ledger.entries.all()].map(({ effectKey }) => effectKey)

/** What this process has open, by name; a file may be closed meanwhile. */
const openFiles = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })

test('what could be rolled back to is in memory: no disk but that of the ledger is used', async ({
  skip,
}) => {
  if (process.platform !== 'linux') skip('open files are read from /proc')
  const write = (): Promise<void> =>
    ledger.share(() => {
      for (let n = 0; n < 200; n += 1) ledger.apart(() => bury(newId().slice(-12)))
      expect(openFiles().filter((name) => name.includes('etilqs'))).toEqual([])
    })
  // What the second one changes is there already, and so has to be kept.
  await write()
  await write()
})

test('what comes in one turn is one commit, and one number', async () => {
  const seq = ledger.seq()
  const written = await Promise.all(['a', 'b', 'c'].map(async (k) => ledger.share(() => bury(k))))
  expect(commits).toHaveLength(1)
  expect(written.map((entry) => entry.seq)).toEqual([seq + 1, seq + 1, seq + 1])
  expect(keys()).toEqual(['a', 'b', 'c'])
})

test('work that fails takes back its own writes alone', async () => {
  const outcomes = await Promise.allSettled([
    ledger.share(() => bury('a')),
    ledger.share(() => {
      bury('b')
      throw new Error('after all not')
    }),
    ledger.share(() => bury('a')),
    ledger.share(() => bury('c')),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ])
  expect(keys()).toEqual(['a', 'c'])
})

test('work within work can fail apart, too', async () => {
  const inner = await ledger.share(() => {
    bury('outer')
    return ledger.apart(() => {
      bury('inner')
      throw new Error('not this one')
    })
  })
  expect(inner).toMatchObject({ isDone: false })
  expect(keys()).toEqual(['outer'])
})

test('reading alone commits nothing', async () => {
  const seq = ledger.seq()
  await Promise.all([ledger.share(keys), ledger.share(keys)])
  expect(commits).toEqual([])
  expect(ledger.seq()).toBe(seq)
})

test('a commit that fails is the failure of everything in it', async () => {
  const both = [ledger.share(() => bury('a')), ledger.share(() => ledger.raiseSeq(-1))]
  ledger[Symbol.dispose]()
  const outcomes = await Promise.allSettled(both)
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  ledger = openLedger({ path: join(folder, 'ledger.sqlite'), account: 'account-1' })
  expect(keys()).toEqual([])
})
