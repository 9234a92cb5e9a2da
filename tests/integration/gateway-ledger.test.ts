/** A ledger that nobody serves, read by the command line: the columns are the kit's. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { readDeadLedger } from '@chimera/cli/commands/tools/read-dead-ledger'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(path.join(tmpdir(), 'chimera-dead-ledger-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes a claim into a ledger and dies without closing it, so that all of it is in the log. */
const WRITER = `
  import { DatabaseSync } from 'node:sqlite'
  import { LEDGER_STEPS } from '@chimera/mcp-kit/ledger/ledger-schema'
  const database = new DatabaseSync(process.argv[1])
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
  for (const step of LEDGER_STEPS) database.exec(step)
  const insert = database.prepare(\`INSERT INTO entries (effect_key, round, grant_id, args_hash,
    account, tool, mode, scope, boot, incarnation, state, simulated, claimed_ms, seq)
    VALUES (?, 1, ?, 'hash', 'x', 'post_tweet', 'paper', '{}', 'boot', 'life', ?, 1, ?, ?)\`)
  insert.run('key-1', 'grant-1', 'CLAIMED', 1_700_000_000_000, 2)
  insert.run('key-2', 'grant-2', 'VOID', null, 3)
  process.kill(process.pid, 'SIGKILL')
`

test('a ledger whose process was killed is read whole, and left as it was', async () => {
  const file = path.join(folder, 'x.sqlite')
  const { signal, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', WRITER, file],
    { cwd: path.resolve(import.meta.dirname, '..', '..') },
  )
  expect([signal, stderr.toString()]).toEqual(['SIGKILL', expect.not.stringContaining('Error')])
  const before = [readFileSync(file), readFileSync(`${file}-wal`)]
  const common = { round: 1, args_hash: 'hash', boot: 'boot', record_incarnation: 'life' }
  expect(await readDeadLedger(file)).toEqual([
    {
      ...common,
      effect_key: 'key-1',
      grant_id: 'grant-1',
      state: 'CLAIMED',
      claimed_at: '2023-11-14T22:13:20.000Z',
      seq: 2,
    },
    {
      ...common,
      effect_key: 'key-2',
      grant_id: 'grant-2',
      state: 'VOID',
      claimed_at: null,
      seq: 3,
    },
  ])
  expect([readFileSync(file), readFileSync(`${file}-wal`)]).toEqual(before)
})

test('what is no ledger is said to be none', async () => {
  await expect(readDeadLedger(path.join(folder, 'gone.sqlite'))).rejects.toThrow('cannot be read')
})
