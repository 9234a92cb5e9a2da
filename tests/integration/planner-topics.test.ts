/** Goals about what their persona never writes about are refused before they are planned. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { pinPersona } from '@chimera/infra/database/personas/pin-persona'
import { putMember } from '@chimera/infra/database/tenancy/members'
import { parseSoul } from '@chimera/infra/personas/parse-soul'
import { expect, test } from 'vitest'

import { openPlannerRig } from './planner-rig.ts'

test('a goal about a forbidden topic fails with it, audited, and has no task', async () => {
  await using rig = await openPlannerRig()
  await pinPersona(rig.database, {
    tenantId: DEFAULT_TENANT,
    name: 'bard.md',
    ...parseSoul('---\nname: Bard\nid: bard\nforbidden_topics: [acme, politics]\n---\n'),
    actor: 'test',
  })
  await rig.database.transaction(async (tx) => {
    const audit = draftAudit()
    const key = { kind: 'agent', tenantId: DEFAULT_TENANT, id: 'bardess' } as const
    await putMember(tx, { ...key, fields: { soul_ref: 'bard.md' } }, audit)
    await appendAudit(tx, audit, 'test')
  })
  await rig.start()
  await rig.add({ id: 'g-0', text: 'publish a tweet: hello from acme' })
  await rig.add({ id: 'g-1', text: 'publish a tweet: hello from ACME', voice_ref: 'bard.md' })
  await rig.add({ id: 'g-2', text: 'research: the next election', voice_ref: 'bard.md' })
  await rig.add({ id: 'g-3', text: 'publish a tweet: free nude photos', voice_ref: 'nobody.md' })
  await rig.add({ id: 'g-4', text: 'publish a tweet: hi', voice_ref: 'bard.md' })
  // The agent's own persona speaks where the goal names none.
  await rig.add({ id: 'g-5', text: 'publish a tweet: hello from acme', agent_id: 'bardess' })
  await rig.add({
    id: 'g-6',
    text: 'publish a tweet: hello from acme',
    agent_id: 'bardess',
    voice_ref: 'SOUL.md',
  })
  await rig.settled()
  const rows = await rig.database.query<{ id: string; code: string | null; tasks: number }>({
    text: `SELECT id, failure ->> 'code' AS code, tasks_total AS tasks FROM goals ORDER BY id`,
  })
  expect(rows.map(({ id, code, tasks }) => `${id} ${code} ${tasks}`)).toEqual([
    'g-0 null 1',
    'g-1 TOPIC_FORBIDDEN 0',
    'g-2 TOPIC_FORBIDDEN 0',
    'g-3 TOPIC_FORBIDDEN 0',
    'g-4 null 1',
    'g-5 TOPIC_FORBIDDEN 0',
    'g-6 null 1',
  ])
  const audited = await rig.database.query({
    text: `SELECT FROM audit_entries, jsonb_array_elements(items) AS item
      WHERE item ->> 'note' LIKE '%TOPIC_FORBIDDEN%'`,
  })
  expect(audited).toHaveLength(4)
})
