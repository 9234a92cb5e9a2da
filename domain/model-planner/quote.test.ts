import { expect, test } from 'vitest'

import { findQuote } from './quote.ts'

test.each([
  ['pay 10 USDC to alice', '10', [4, 6]],
  ['pay 10 USDC to alice.', 'alice', [15, 20]],
  ['say "hello, world"; then rest', 'hello, world', [5, 17]],
  ['1 of 10, then 1', '1', [0, 1]],
  ['10 and 1', '1', [7, 8]],
  ['我们发布', '我们发布', [0, 4]],
] as const)('in %j the words %j are found whole', (text, quote, span) => {
  expect(findQuote(text, quote)).toEqual(span)
})

test.each([
  ['pay 10 USDC to alice', '1'],
  ['pay 10 USDC to alice', '0 USDC'],
  ['pay 1.5 ETH to bob', '1'],
  ['pay 1.5 ETH to bob', '5'],
  ['pay 1,500 USDC to bob', '500'],
  ['pay 5 USDC to 0xabcdef', '0xabc'],
  ['pay 5 USDC to bob-evil', 'bob'],
  ['tell @alice', 'alice'],
  ['see chimera.tools', 'chimera'],
  ['noël', 'noe'],
  ['say hello', 'hi'],
  ['say hello', ' '],
  ['say hello', ''],
])('in %j the words %j are none of the owner’s', (text, quote) => {
  expect(findQuote(text, quote)).toBeUndefined()
})
