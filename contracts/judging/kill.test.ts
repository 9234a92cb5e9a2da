import { describe, expect, test } from 'vitest'

import { killedBy, killLevelOf, loweredTo, raisedTo, riskOf } from './kill.ts'

const passes = (level: number, tool: string, args: object = {}): boolean =>
  killedBy({ level, tool, args }) === undefined

describe('what a level lets through', () => {
  test.each([
    // tool, arguments, the highest level at which it passes
    ['place_order', { reduce_only: false }, 1],
    ['place_order', {}, 1],
    ['place_order', { reduce_only: 'true' }, 1],
    ['place_order', { reduce_only: true }, 4],
    ['close_position', {}, 4],
    ['cancel_order', {}, 5],
    ['cancel_all', {}, 5],
    ['post_tweet', {}, 2],
    ['reply_tweet', {}, 2],
    ['delete_tweet', {}, 4],
    ['transfer_native', {}, 2],
    ['transfer_erc20', {}, 2],
    ['unstick_transfer', {}, 4],
    ['a tool that nobody has judged', { reduce_only: true }, 2],
  ])('%s %o passes up to %i', (tool, args, highest) => {
    for (const level of [0, 1, 2, 3, 4, 5]) expect(passes(level, tool, args)).toBe(level <= highest)
  })

  test('the reason names the level', () => {
    expect(killedBy({ level: 5, tool: 'close_position', args: {} })).toContain('5 (SHUTDOWN)')
    expect(riskOf('toString', {})).toBe('opens')
  })
})

describe('the epoch of a level', () => {
  test('says the level, rises with every change, and a lower level only in the next life', () => {
    const first = raisedTo(0, 3)
    const low = loweredTo(first, 1)
    const again = raisedTo(low, 2)
    expect([first, low, again].map(killLevelOf)).toEqual([3, 1, 2])
    expect(low).toBeGreaterThan(first)
    expect(again).toBeGreaterThan(low)
    expect(raisedTo(first, 2)).toBe(first)
    expect(raisedTo(first, 3)).toBe(first)
  })

  test('of two that were raised apart, the higher one wins whichever comes first', () => {
    const [ours, theirs] = [raisedTo(6, 2), raisedTo(6, 4)]
    expect(killLevelOf(Math.max(ours, theirs))).toBe(4)
    // A raise of an older generation does not bring back what the operator has lowered.
    expect(killLevelOf(Math.max(raisedTo(0, 5), loweredTo(raisedTo(0, 4), 0)))).toBe(0)
  })
})
