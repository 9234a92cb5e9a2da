import { rmSync } from 'node:fs'

import { expect } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { openProtocolRig, type Guards } from './model/protocol-rig.ts'
import { adopt, grantSlot, greet, planSlot, roundsOf } from './model/steps.ts'

/** A ledger is lost while so many effects are open, and the record's knowledge is written in. */
async function adoptOpen(n: number, guards: Guards = {}): Promise<void> {
  await using rig = await openProtocolRig(guards)
  await greet(rig)
  const slot = await planSlot(rig)
  await grantSlot(rig, slot)
  const { database } = rig.record
  const [like] = await roundsOf(rig, slot)
  // As many grants as it takes, all like the one that the Judge has just signed.
  await database.query({ text: 'ALTER TABLE effects DISABLE TRIGGER USER' })
  for (let from = 2; from <= n; from += PAGE) {
    await database.query({
      text: `INSERT INTO effects SELECT (jsonb_populate_record(e, jsonb_build_object(
          'id', gen_random_uuid(), 'grant_id', gen_random_uuid(),
          'effect_key', md5(n::text) || md5(n::text)))).*
        FROM effects e, generate_series($1::int, $2::int) n WHERE e.id = $3`,
      values: [from, Math.min(n, from + PAGE - 1), like?.id],
    })
  }
  await database.query({ text: 'ALTER TABLE effects ENABLE TRIGGER USER' })
  await rig.killTool()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
  rig.startTool()
  expect(await greet(rig)).toContain('LEDGER_BEHIND')
  const counts = await adopt(rig)
  expect(counts.at(-1), 'effects that the ledger has taken').toBe(n)
  // Whoever waits for it sees it grow, word by word.
  expect(counts).toHaveLength(Math.ceil(n / PAGE))
  expect(counts).toEqual(counts.toSorted((one, other) => one - other))
}

/** Effects that one word of the Judge carries. */
const PAGE = 2_000

guarantee(
  {
    id: 'adoption-pages',
    title: 'a ledger is lost with thousands of open effects, and takes all of them',
    n: sampleSize({ ci: 2_500, full: 20_000 }),
    seed: 1,
  },
  ({ n }) => adoptOpen(n),
)

control(
  {
    guard: 'the pages of an adoption after its first',
    test: 'adoption-pages',
    expect: /effects that the ledger has taken: expected 2000 to be 2001/,
  },
  () => {
    let first: Promise<string> | undefined
    const words: Guards['words'] = (given) => ({
      ...given,
      adopt: (claims) => (first ??= given.adopt(claims)),
    })
    return adoptOpen(PAGE + 1, { words })
  },
)
