/** What a ledger has archived it answers for as before: nothing in it is done a second time. */
import type { DatabaseSync } from 'node:sqlite'

import { newId } from '@chimera/contracts/ids'
import { ARCHIVE_AFTER_MS, ARCHIVE_BATCH } from '@chimera/mcp-kit/ledger/archive'
import { TestAccount } from '@chimera/mcp-kit/testing/test-account'
import { expect } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { openWith } from '../without-guards.ts'

type Open = (path: string) => DatabaseSync

/** Rounds of long ago are archived, and after a start somebody grants all of them once more. */
async function grantedAgain(of: { n: number; openDatabase?: Open }): Promise<void> {
  await using account = await new TestAccount().open()
  account.draft = () => ({ checkWindow: () => undefined })
  const long = Array.from({ length: of.n }, () => account.claims())
  for (const claims of long) await account.call(claims)
  account.clockMs += ARCHIVE_AFTER_MS + 3_600_000
  await account.hello()
  // The last effect of a tool stays where its cooldown is looked up.
  await account.call(account.claims())
  const { ledger } = account
  const beforeMs = ledger.now() - ARCHIVE_AFTER_MS
  const archived = ledger.transact(() => ledger.entries.archive(beforeMs, ARCHIVE_BATCH))
  expect(archived).toBe(of.n)
  const { openDatabase } = of
  await account.restart(openDatabase === undefined ? {} : { openDatabase })
  for (const { jti, effect_key, goal } of long) {
    const known = { ...account.claims(), effect_key, goal, jti }
    const answer = await account.call(known)
    const next = await account.call({ ...known, jti: newId(), round: 2 })
    expect(account.sent, 'effects of long ago and the one of now').toHaveLength(of.n + 1)
    expect(answer).toMatchObject({ status: 'CONFIRMED' })
    expect(next).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  }
  expect([...account.ledger.entries.all()]).toHaveLength(of.n + 1)
}

const claim = {
  id: 'archived-entries',
  title: 'a grant of what was archived long ago is told what came of it, and does nothing',
  n: 10,
  seed: 1,
}

guarantee(claim, ({ n }) => grantedAgain({ n }))

// Two guards, one behind the other: the look-up, and the ledger's own trigger.
control(
  {
    guard: 'the look into the archive, and its trigger',
    test: claim.id,
    expect: /effects of long ago and the one of now: expected .* length of 2 but got/s,
  },
  () =>
    grantedAgain({
      n: 1,
      openDatabase: openWith(`DROP VIEW all_entries;
        CREATE VIEW all_entries AS SELECT * FROM entries;
        DROP TRIGGER entries_respect_the_archive;
        DROP TRIGGER entries_respect_archived_refs`),
    }),
)
