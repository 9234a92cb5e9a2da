import type { DatabaseSync } from 'node:sqlite'

import { readDeadLedger } from '@chimera/cli/commands/tools/read-dead-ledger'
import { openLedgerFile } from '@chimera/infra/backup/ledger-file'
import { ARCHIVE_AFTER_MS } from '@chimera/mcp-kit/ledger/archive'
import { openExclusiveDatabase } from '@chimera/mcp-kit/ledger/exclusive-database'
import { TestAccount } from '@chimera/mcp-kit/testing/test-account'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'

let account: TestAccount
beforeEach(() => {
  account = new TestAccount()
})
afterEach(async () => account[Symbol.asyncDispose]())

/** An effect that is archived a month later, and another one after that. */
async function archiveOne(openDatabase?: (path: string) => DatabaseSync) {
  const options = openDatabase === undefined ? {} : { openDatabase }
  await account.open(options)
  const claims = account.claims()
  await account.call(claims)
  account.clockMs += 2 * ARCHIVE_AFTER_MS
  await account.hello()
  await account.call(account.claims())
  const { ledger } = account
  account.clockMs += ARCHIVE_AFTER_MS / 2
  ledger.transact(() => ledger.entries.archive(ledger.now() - ARCHIVE_AFTER_MS, 10))
  await account.restart(options)
  return claims
}

/** Its slot comes back, as a grant that a restored record signs again. */
async function askAgain(openDatabase?: (path: string) => DatabaseSync): Promise<void> {
  const { effect_key, goal, task } = await archiveOne(openDatabase)
  const again = { ...account.claims(), effect_key, goal, task }
  const reply = await account.call(again)
  expect(account.sent.length, 'sent').toBe(2)
  expect(reply).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
}

const id = 'archived-slot'
guarantee({ id, title: 'an archived slot is CONFIRMED for ever', n: 1, seed: 1 }, async () => {
  await askAgain()
})

control({ guard: 'look-ups in the archive', test: id, expect: /sent.*3 to be 2/ }, async () => {
  await askAgain((path) => {
    const database = openExclusiveDatabase(path)
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'archive'").get()) {
      database.exec(`DROP VIEW all_entries; CREATE VIEW all_entries AS SELECT * FROM entries;
        DROP TRIGGER IF EXISTS entries_respect_the_archive;
        DROP TRIGGER IF EXISTS entries_respect_archived_refs`)
    }
    return database
  })
})

test('a dead ledger is read with its archive, and a copy of it is imported whole', async () => {
  const claims = await archiveOne()
  await account.close()
  const lines = await readDeadLedger(account.path)
  expect(lines.map(({ grant_id: grant }) => grant)).toContain(claims.jti)
  expect(lines).toHaveLength(2)
  using file = openLedgerFile(account.path, 'test')
  expect(file.entries).toBe(2)
  expect([...file.words()].map(({ grantId }) => grantId)).toContain(claims.jti)
})
