import { effectKey, type Slot } from '@chimera/contracts/effect'
import { describe, expect, test } from 'vitest'

import { belongsToSlot, findSlot, isSlotPattern, slotId } from './slots.ts'

describe('a slot', () => {
  test('is named by words of the plan', () => {
    expect(slotId('publish')).toBe('publish')
    expect(slotId('pay', 2)).toBe('pay:2')
    expect(slotId('reply', '1234')).toBe('reply:1234')
  })

  test.each(['', 'a b', '{x}', 'é'])('cannot have the part %j', (part) => {
    expect(() => slotId('pay', part)).toThrow(/No slot can be named/)
  })

  test('is the identity of its effect: account, tool and mode count, words do not', () => {
    const of = {
      tenant: 't',
      account: 'x:default',
      goal: 'g',
      slot: 'publish',
      tool: 'post_tweet',
      mode: 'paper',
    }
    const key = effectKey(of)
    expect(effectKey({ ...of })).toBe(key)
    const changes = Object.keys(of).map((name) => effectKey({ ...of, [name]: 'other' }))
    expect(new Set([key, ...changes]).size).toBe(changes.length + 1)
  })
})

describe('a slot pattern', () => {
  test.each([
    ['reply:{mention_id}', true],
    ['order:{symbol}:{bar}', true],
    ['order:BTC:{bar}', true],
    ['reply:1234', false],
    ['publish', false],
    ['Reply:{x}', false],
    ['{x}', false],
    ['reply:{}', false],
  ])('%s: %s', (slot, isPattern) => {
    expect(isSlotPattern(slot)).toBe(isPattern)
  })

  test.each([
    ['reply:{mention_id}', 'reply:1', true],
    ['reply:{mention_id}', 'reply', false],
    ['reply:{mention_id}', 'reply:1:2', false],
    ['reply:{mention_id}', 'publish:1', false],
    ['reply:{mention_id}', 'reply:{mention_id}', false],
    ['order:BTC:{bar}', 'order:ETH:7', false],
    ['order:BTC:{bar}', 'order:BTC:7', true],
    ['publish', 'publish', true],
    ['publish', 'publish:2', false],
  ])('%s holds %s: %s', (planned, slot, isHeld) => {
    expect(belongsToSlot(planned, slot)).toBe(isHeld)
  })

  test('has no place beyond its limit, but a slot that has one keeps it', () => {
    const planned: Slot[] = [{ slot: 'reply:{mention_id}', tool: 'reply_tweet', limit: 2 }]
    expect(findSlot(planned, 'reply:1', [])).toBe(planned[0])
    expect(findSlot(planned, 'reply:2', ['reply:1', 'reply:1'])).toBe(planned[0])
    expect(findSlot(planned, 'reply:3', ['reply:1', 'reply:2'])).toBeUndefined()
    expect(findSlot(planned, 'reply:2', ['reply:1', 'reply:2'])).toBe(planned[0])
    expect(findSlot(planned, 'publish', [])).toBeUndefined()
  })
})
