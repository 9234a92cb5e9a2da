import { ChimeraError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { type Entry, isMalformed, parseEntry } from '@chimera/infra/streams/parse-entry'
import { describe, expect, test } from 'vitest'

import { type Door, type GoalEntry, openGoalReader } from './read-goal-entry.ts'

const OTHER_TENANT = '00000000-0000-7000-8000-000000000002'
const OWNER: Door = { from: 'owner', tenantId: DEFAULT_TENANT }

function parse(fields: Record<string, string>, door: Door = OWNER, id = '1700000000000-0') {
  const raw = { id, fields: Object.entries(fields).flat() }
  return parseEntry({ stream: 'chimera:goals', raw, deliveries: 1, parse: openGoalReader(door) })
}

function read(...given: Parameters<typeof parse>): GoalEntry {
  const parsed: Entry<GoalEntry> | ReturnType<typeof parse> = parse(...given)
  if (isMalformed(parsed)) throw new ChimeraError(parsed.code, parsed.reason)
  return parsed.value
}

describe('a goal on the stream', () => {
  test('comes as JSON', () => {
    const goal = JSON.stringify({ id: 'g-1', text: 'noop 1', mode: 'live', max_cost_usd: 2 })
    expect(read({ goal })).toMatchObject({
      kind: 'goal',
      tenantId: DEFAULT_TENANT,
      id: 'g-1',
      goal: { id: 'g-1', text: 'noop 1', mode: 'live', max_cost_usd: 2 },
      trust: 'owner',
      receivedMs: 1_700_000_000_000,
    })
  })

  test('comes as flat fields beside those of the envelope', () => {
    const envelope = { source: 'redis-cli', time: 'now', tenant: DEFAULT_TENANT }
    const flat = { text: 'noop 1', id: 'g-1', agent_id: 'a', mode: 'dry', max_cost_usd: '0.5' }
    expect(read({ ...envelope, ...flat })).toMatchObject({
      id: 'g-1',
      goal: { text: 'noop 1', agent_id: 'a', mode: 'dry', max_cost_usd: 0.5 },
    })
  })

  test('comes structured', () => {
    const image = `sha256:${'0'.repeat(64)}`
    const goal = { kind: 'tweet.post', params: { text: 'hi', media_ids: [image] } }
    expect(read({ goal: JSON.stringify(goal) })).toMatchObject({ goal: { ...goal, mode: 'paper' } })
  })

  test('is paper unless it says otherwise', () => {
    expect(read({ text: 'noop 1' })).toMatchObject({ goal: { mode: 'paper' } })
  })
})

describe('the id of a goal', () => {
  test('is its own, else the message id of the envelope', () => {
    const goal = JSON.stringify({ text: 'noop 1' })
    expect(read({ id: 'message-1', goal }).id).toBe('message-1')
    const named = JSON.stringify({ text: 'noop 1', id: 'g-1' })
    expect(read({ id: 'message-1', goal: named }).id).toBe('g-1')
  })

  test('is made of entry and goal when nobody names one: the same for each delivery', () => {
    const { id } = read({ text: 'noop 1' })
    expect(id).toMatch(/^entry-1700000000000-0-[0-9a-f]{8}$/)
    expect(read({ text: 'noop 1' }).id).toBe(id)
    expect(read({ text: 'noop 1' }, OWNER, '1700000000000-1').id).not.toBe(id)
    expect(read({ text: 'noop 2' }).id).not.toBe(id)
  })
})

describe('an entry that cannot be a goal', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['is not JSON', { goal: '{' }, /not JSON/],
    ['is another JSON', { goal: '7' }, /expected object/],
    ['is null', { goal: 'null' }, /expected object/],
    ['has no fields of a goal', { colour: 'blue' }, /colour/],
    ['lacks the text', { agent_id: 'a' }, /at text/],
    ['lacks the params', { goal: '{"kind":"noop"}' }, /at params/],
    ['has a wrong type', { goal: '{"text":7}' }, /at text/],
    ['has a wrong mode', { text: 'noop 1', mode: 'yolo' }, /at mode/],
    ['has a wrong id', { text: 'noop 1', id: 'a b' }, /at id/],
    ['has a wrong message id', { goal: '{"text":"noop 1"}', id: 'a b' }, /letters/],
    ['has a wrong cost', { text: 'noop 1', max_cost_usd: '-1' }, /at max_cost_usd/],
    ['has a field too many', { goal: '{"text":"noop 1","tenant":"x"}' }, /tenant/],
    ['has half a character', { goal: String.raw`{"text":"\ud800"}` }, /surrogate/],
    ['is a ring with words', { goal: '{"id":"g","ring":true,"text":"x"}' }, /text/],
    ['is a ring that is none', { goal: '{"id":"g","ring":"yes"}' }, /ring/],
  ])('%s: the reason names it', (_, fields, reason) => {
    expect(() => read(fields)).toThrow(
      expect.objectContaining({
        code: 'ENTRY_MALFORMED',
        message: expect.stringMatching(reason),
      }),
    )
  })

  test('holds what the record cannot hold', () => {
    const goal = JSON.stringify({ kind: 'generic', params: { 'a\u0000b': 'x' } })
    expect(() => read({ goal })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
  })

  test('names another tenant', () => {
    for (const tenant of [OTHER_TENANT, 'root']) {
      expect(() => read({ text: 'noop 1', tenant })).toThrow(
        expect.objectContaining({ code: 'TENANT_FORBIDDEN' }),
      )
    }
  })
})

describe('a stream that strangers can write to', () => {
  const door: Door = { from: 'untrusted', tenantId: DEFAULT_TENANT }

  test('has goals of theirs, and never a live one', () => {
    expect(read({ text: 'noop 1' }, door)).toMatchObject({ trust: 'untrusted' })
    expect(() => read({ text: 'noop 1', mode: 'live' }, door)).toThrow(
      expect.objectContaining({ code: 'MODE_FORBIDDEN' }),
    )
  })
})

describe('a stream whose goals are switched off', () => {
  const door: Door = { from: 'off', tenantId: DEFAULT_TENANT }

  test('only rings for goals that have a row', () => {
    expect(read({ id: 'g-1', text: 'noop 1' }, door)).toEqual({
      kind: 'ring',
      tenantId: DEFAULT_TENANT,
      id: 'g-1',
      missing: 'GOALS_FROM_STREAM_OFF',
    })
  })
})

describe('a ring', () => {
  test('names a row of this or another tenant, and says no more', () => {
    const goal = JSON.stringify({ id: 'g-1', ring: true })
    const ring = { kind: 'ring', id: 'g-1', missing: 'GOAL_NOT_FOUND' }
    expect(read({ goal })).toEqual({ ...ring, tenantId: DEFAULT_TENANT })
    expect(read({ goal, tenant: OTHER_TENANT })).toEqual({ ...ring, tenantId: OTHER_TENANT })
    expect(() => read({ goal, tenant: 'root' })).toThrow(
      expect.objectContaining({ code: 'TENANT_FORBIDDEN' }),
    )
  })
})
