import { rmSync } from 'node:fs'

import { expect, test } from 'vitest'

import { openProtocolRig } from './model/protocol-rig.ts'
import { adopt, grantSlot, greet, planSlot } from './model/steps.ts'

/** More than two words hold. */
const OPEN = 5_000

test('a ledger is lost with thousands of open effects, and takes all of them', async () => {
  await using rig = await openProtocolRig()
  await greet(rig)
  const slot = await planSlot(rig)
  await grantSlot(rig, slot)
  const { database } = rig.record
  // As many grants as it takes, all like the one that the Judge has just signed.
  await database.query({ text: 'ALTER TABLE effects DISABLE TRIGGER USER' })
  await database.query({
    text: `INSERT INTO effects SELECT (jsonb_populate_record(e, jsonb_build_object(
        'id', gen_random_uuid(), 'grant_id', gen_random_uuid(),
        'effect_key', md5(n::text) || md5(n::text)))).*
      FROM effects e, generate_series(2, $1) n WHERE e.goal_id = $2`,
    values: [OPEN, slot.goal],
  })
  await database.query({ text: 'ALTER TABLE effects ENABLE TRIGGER USER' })
  await rig.killTool()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${rig.ledgerPath}${suffix}`, { force: true })
  rig.startTool()
  expect(await greet(rig)).toContain('LEDGER_BEHIND')
  await adopt(rig)
  expect(rig.tool.control.status().reason).toContain(`${OPEN} adopted effects are still UNKNOWN`)
  const [words] = await database.query<{ n: number }>({
    text: `SELECT array_length(string_to_array(jws, E'\\n'), 1) AS n FROM tool_adoptions`,
  })
  expect(words?.n).toBe(3)
})
