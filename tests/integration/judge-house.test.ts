import type { ProposedEffect } from '@chimera/contracts/effect'
/** The Judge on a record with an address book, personas and a memory of what was said. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { REPEAT_DAYS } from '@chimera/domain/judging/gates/content-gate'
import { pinPersona } from '@chimera/infra/database/personas/pin-persona'
import {
  addRegistryEntry,
  removeRegistryEntry,
} from '@chimera/infra/database/registry/change-registry'
import { parseSoul } from '@chimera/infra/personas/parse-soul'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'
import { describe, expect, test } from 'vitest'

import { effectsOf, plannedGoal, tweetEffect, judgeOfFile } from './judge-rig.ts'

const rig = judgeOfFile()

const tenantId = DEFAULT_TENANT
const actor = 'test'
const judge = async (ids: readonly string[], deps: JudgeDeps = rig.deps) =>
  handleRings(
    deps,
    ids.map((id) => ({ look_at: 'task', id })),
  )
const failureOf = async (id: string | undefined) => {
  const [row] = await rig.database.query<{ phase: string; failure: { code: string } | null }>({
    text: 'SELECT phase, failure FROM tasks WHERE id = $1',
    values: [id],
  })
  return `${row?.phase} ${row?.failure?.code}`
}

/** A tweet of one row of the registry. */
const ofRegistry = (version: number): ProposedEffect => ({
  ...tweetEffect(),
  args: { ...tweetEffect().args, text: 'chimera.example' },
  provenance: {
    ...tweetEffect().provenance,
    '/text': { source: 'registry', table: 'domain', id: 'Site', version: String(version) },
  },
})
const addSite = (value = 'chimera.example') =>
  addRegistryEntry(rig.database, { tenantId, kind: 'domain', name: 'site', value, note: '', actor })
const posting = (id: string, effect: ProposedEffect, constraints = {}) =>
  plannedGoal(rig.database, { id, slots: ['publish'], tasks: [{ effects: [effect], constraints }] })

describe('the address book', () => {
  test('gives what it holds in the version that holds, and nothing else', async () => {
    const unknown = await posting('no-row', ofRegistry(1))
    await judge(unknown)
    expect(await failureOf(unknown[0])).toBe('denied PROVENANCE_MISMATCH')

    expect(await addSite()).toMatchObject({ version: 1 })
    const known = await posting('row', ofRegistry(1))
    await judge(known)
    expect(await effectsOf(rig.database, 'row')).toMatchObject([{ state: 'GRANTED' }])

    expect(await addSite('other.example')).toMatchObject({ version: 2 })
    const older = await posting('older-row', ofRegistry(1))
    await judge(older)
    expect(await failureOf(older[0])).toBe('denied PROVENANCE_MISMATCH')
    expect(await addSite()).toMatchObject({ version: 3 })
  })

  test('a row that is removed while a verdict is made does not count any more', async () => {
    const ids = await posting('removed', ofRegistry(3))
    let removals = 0
    const deps: JudgeDeps = {
      ...rig.deps,
      words: {
        ...rig.deps.words,
        // Between the reading and the commit.
        grant: async (claims) => {
          removals += 1
          const reason = 'moved'
          await removeRegistryEntry(rig.database, {
            tenantId,
            kind: 'domain',
            name: 'SITE',
            reason,
            actor,
          })
          return rig.deps.words.grant(claims)
        },
      },
    }
    await judge(ids, deps)
    expect(removals).toBe(1)
    expect(await failureOf(ids[0])).toBe('denied PROVENANCE_MISMATCH')
    expect(await effectsOf(rig.database, 'removed')).toMatchObject([{ state: 'DENIED' }])
  })

  test('rows are never changed and never deleted', async () => {
    await addSite()
    for (const text of [
      `UPDATE registry_entries SET value = '"evil.example"'`,
      'UPDATE registry_entries SET removed_at = NULL, removed_by = NULL',
      'DELETE FROM registry_entries',
      `UPDATE personas SET body = ''`,
    ]) {
      await pinPersona(rig.database, { tenantId, name: 'SOUL.md', ...soul('[]'), actor })
      await expect(rig.database.query({ text })).rejects.toThrow(/never changed/)
    }
  })
})

const soul = (forbidden: string) =>
  parseSoul(`---\nname: Bard\nid: bard\nforbidden_topics: ${forbidden}\n---\n`)

describe('a persona', () => {
  test('holds from its pin on, by the name that the task gives', async () => {
    const pinned = await pinPersona(rig.database, {
      tenantId,
      name: 'bard.md',
      ...soul('["hello"]'),
      actor,
    })
    expect(pinned.isNew).toBe(true)
    const again = await pinPersona(rig.database, {
      tenantId,
      name: 'bard.md',
      ...soul('["hello"]'),
      actor,
    })
    expect(again).toEqual({ persona: pinned.persona, isNew: false })

    const ids = await posting('bard', tweetEffect(), { voice_ref: 'bard.md' })
    const others = await posting('nobody', tweetEffect())
    await judge([...ids, ...others])
    expect(await failureOf(ids[0])).toBe('denied TOPIC_FORBIDDEN')
    expect(await effectsOf(rig.database, 'nobody')).toMatchObject([{ state: 'GRANTED' }])
  })
})

describe('what was said before', () => {
  test('is not said again within days without a person, by the same account', async () => {
    const deps = { ...rig.deps, repeatDays: REPEAT_DAYS }
    const first = await posting('first', { ...tweetEffect('publish', [17, 22]) })
    await judge(first, deps)
    expect(await effectsOf(rig.database, 'first')).toMatchObject([{ state: 'GRANTED' }])
    const second = await posting('second', { ...tweetEffect('publish', [17, 22]) })
    await judge(second, deps)
    expect(await effectsOf(rig.database, 'second')).not.toMatchObject([{ state: 'GRANTED' }])
    await rig.database.query({
      text: `UPDATE effects SET version_id = gen_random_uuid(),
          created_at = now() - interval '8 days'
        WHERE goal_id = 'first'`,
    })
    const third = await posting('third', { ...tweetEffect('publish', [17, 22]) })
    await judge(third, deps)
    expect(await effectsOf(rig.database, 'third')).toMatchObject([{ state: 'GRANTED' }])
  })
})
