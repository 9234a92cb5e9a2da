import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { readFences } from '@chimera/infra/database/fences/read-fences'
import { resume } from '@chimera/infra/database/fences/resume'
import { getLetter } from '@chimera/infra/database/letters/get-letter'
import { insertLetters, type NewLetter } from '@chimera/infra/database/letters/insert-letters'
import { countLetters, listLetters } from '@chimera/infra/database/letters/list-letters'
import { markReplayed } from '@chimera/infra/database/letters/mark-replayed'
import { listAccounts } from '@chimera/infra/database/tools/list-accounts'
import { listBoots } from '@chimera/infra/database/tools/list-boots'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'

let database: FreshDatabase
beforeAll(async () => {
  database = await openFreshDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

const auditOf = async (subject: string) => {
  const rows = await database.query<{ item: unknown; actor: string }>({
    text: `SELECT jsonb_array_elements(items) AS item, actor FROM audit_entries
      WHERE items @> $1 ORDER BY created_at`,
    values: [JSON.stringify([{ subject }])],
  })
  return rows.map(({ item, actor }) => ({ item, actor }))
}

describe('fences', () => {
  test('a stop and a resume each raise the epoch, and are audited with it', async () => {
    const everything = { scope: 'everything', actor: 'token:1' }
    expect(await raiseStop(database, { ...everything, reason: 'smoke' })).toMatchObject({
      epoch: 1,
      stopped: true,
      reason: 'smoke',
    })
    expect(await raiseStop(database, everything)).toMatchObject({ epoch: 2, stopped: true })
    expect(await resume(database, everything)).toMatchObject({ epoch: 3, stopped: false })
    expect(await readFences(database)).toMatchObject([{ scope: 'everything', epoch: 3 }])
    expect(await auditOf('fence')).toMatchObject([
      { actor: 'token:1', item: { id: 'everything', to: 'RAISED', note: 'epoch 1: smoke' } },
      { item: { to: 'RAISED', note: 'epoch 2' } },
      { item: { to: 'RESUMED', note: 'epoch 3' } },
    ])
  })

  test('ten stops at once get ten epochs', async () => {
    const stops = await Promise.all(
      Array.from({ length: 10 }, () => raiseStop(database, { scope: 'goal:x', actor: 'a' })),
    )
    const epochs = stops.map(({ epoch }) => epoch).toSorted((a, b) => a - b)
    expect(epochs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})

describe('dead letters', () => {
  const letter = (entryId: string): NewLetter => ({
    id: newId(),
    tenant: null,
    stream: 'chimera:goals',
    entryId,
    payload: '["goal","{"]',
    bytes: 12,
    sha256: 'ab',
    code: 'ENTRY_MALFORMED',
    reason: 'goal: not JSON',
    history: [{ at: '2026-11-21T00:00:00Z', code: 'X', message: 'y' }],
  })

  test('an entry that dies twice makes one letter, which can be replayed once', async () => {
    const first = letter('1-1')
    const actor = 'planner-1'
    expect(await insertLetters(database, { letters: [first], actor })).toEqual([first.id])
    const again = { letters: [letter('1-1'), letter('1-2')], actor }
    expect(await insertLetters(database, again)).toHaveLength(1)
    expect(await countLetters(database)).toBe(2)
    expect(await listLetters(database)).toMatchObject([{ entryId: '1-2' }, { entryId: '1-1' }])
    expect(await getLetter(database, first.id)).toMatchObject({ isWhole: true, history: [{}] })
    const ids = [first.id]
    expect(await markReplayed(database, { ids, actor: 'cli' })).toEqual(ids)
    expect(await markReplayed(database, { ids, actor: 'cli' })).toEqual([])
    expect(await listLetters(database, { onlyOpen: true })).toMatchObject([{ entryId: '1-2' }])
    expect(await auditOf('letter')).toHaveLength(3)
  })

  test('a letter that is not there says so', async () => {
    await expect(getLetter(database, 'nonsense')).rejects.toMatchObject({
      code: 'DEAD_LETTER_NOT_FOUND',
    })
  })
})

describe('tool accounts', () => {
  test('a known account keeps its boot and state when its server moves', async () => {
    const account = {
      account: 'x:default',
      server: 'tweet',
      backend: 'simulated',
      live: false,
      bindings: [{ tenantId: DEFAULT_TENANT, agentId: '*', tool: 'post_tweet' }],
    }
    await upsertAccount(database, { ...account, url: 'http://127.0.0.1:1' })
    const boot = newId()
    await database.query({ text: `UPDATE tool_accounts SET state = 'open', boot = '${boot}'` })
    await upsertAccount(database, { ...account, url: 'http://127.0.0.1:2' })
    await upsertAccount(database, { ...account, url: 'http://127.0.0.1:2' })
    expect(await listAccounts(database)).toMatchObject([
      { account: 'x:default', url: 'http://127.0.0.1:2', state: 'open', boot },
    ])
    expect(await listBoots(database, { account: 'x:default' })).toEqual([])
  })
})
