import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { describe, expect, it } from 'vitest'

import { compareFeedIds, linesOf, placeOf } from './feed-line.ts'

const event = (summary: string): string =>
  JSON.stringify({ type: 'x', tenant: DEFAULT_TENANT, summary, data: {}, at: 'now' })

describe('the ids of events that share an entry', () => {
  it('name the place of all but the last, which has that of the entry', () => {
    const fields = ['id', 'a', 'event', event('1'), 'event', 'rubbish', 'event', event('3')]
    const lines = linesOf({ id: '7-1', fields })
    expect(lines.map((line) => [line.id, line.event?.summary])).toEqual([
      ['7-1.1', '1'],
      ['7-1.2', undefined],
      ['7-1', '3'],
    ])
  })

  it('are told for an entry without any', () => {
    expect(linesOf({ id: '7-1', fields: ['other', 'x'] })).toEqual([
      { id: '7-1', event: undefined },
    ])
  })

  it('are in order', () => {
    const ids = ['6-9', '7-1.1', '7-1.2', '7-1.10', '7-1', '7-2.1', '7-2']
    expect(ids.toReversed().toSorted(compareFeedIds)).toEqual(ids)
    expect(compareFeedIds('7-1.2', '7-1.2')).toBe(0)
  })

  it.each(['yesterday', '7-1.', '7-1.x', '7', '7-1.1.1', '.1', '7-1.99999'])(
    'are not read from %s',
    (text) => expect(placeOf(text)).toBeUndefined(),
  )
})
