import { TOOLS } from '@chimera/contracts/tools'
import { expect, test } from 'vitest'

import { decideSettlement, SECOND_WORD_MS } from './decide-settlement.ts'

const MONEY = Object.entries(TOOLS).flatMap(([name, { money }]) => (money ? [name] : []))
const open = { state: 'NEEDS_HUMAN', ageMs: 0 } as const

test.each([...MONEY, 'a_tool_of_tomorrow'])('%s is settled by two people', (tool) => {
  const by = (people: number) => decideSettlement({ ...open, tool, people }).kind
  expect([by(0), by(1), by(2), by(3)]).toEqual(['wait', 'wait', 'sign', 'sign'])
})

test('a tweet is settled by one', () => {
  expect(decideSettlement({ ...open, tool: 'post_tweet', people: 1 })).toEqual({ kind: 'sign' })
})

test('a lone word on money is given up after a day', () => {
  const lone = { ...open, tool: 'transfer_native', people: 1, ageMs: SECOND_WORD_MS + 1 }
  expect(decideSettlement(lone)).toMatchObject({ kind: 'refuse' })
})

test.each(['GRANTED', 'CONFIRMED', 'NOT_HAPPENED', 'PROPOSED'] as const)(
  'what is %s is settled by nobody',
  (state) => {
    const many = { state, tool: 'transfer_native', people: 9, ageMs: 0 }
    expect(decideSettlement(many)).toMatchObject({ kind: 'refuse' })
  },
)
