import { describe, expect, it } from 'vitest'

import { arrayText } from './array-text.ts'

describe('the text of an array', () => {
  it.each([
    [[], '{}'],
    [['a', 'b'], '{"a","b"}'],
    [[null, undefined, 'NULL', ''], '{NULL,NULL,"NULL",""}'],
    [[1, 0.5, true, false], '{"1","0.5","true","false"}'],
    [['{"a":"b\\"c"}'], String.raw`{"{\"a\":\"b\\\"c\"}"}`],
    [['two\nlines "said"\u0001'], '{"two\nlines \\"said\\"\u0001"}'],
    [['"🙂"\ud800'], '{"\\"🙂\\"\ud800"}'],
  ])('%j', (values, text) => expect(arrayText(values)).toBe(text))

  it.each([[['a', new Date(0)]], [[['nested']]], [[Buffer.from('a')]], ['text'], [7], [undefined]])(
    'is left to the driver for %j',
    (value) => expect(arrayText(value)).toBe(value),
  )
})
