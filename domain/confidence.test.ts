import { expect, test } from 'vitest'

import { confidenceVote } from './confidence.ts'

test.each([
  [1, 'allow'],
  [0.900_000_1, 'allow'],
  [0.9, 'needs_person'],
  [0.8, 'needs_person'],
  [0.7, 'needs_person'],
  [0.699_999_9, 'reject'],
  [0, 'reject'],
  [-1, 'reject'],
  [1.000_1, 'reject'],
  [Number.POSITIVE_INFINITY, 'reject'],
  [Number.NaN, 'reject'],
])('a confidence of %d gets the vote %s', (confidence, vote) => {
  expect(confidenceVote(confidence)).toMatchObject({ gate: 'confidence', vote })
})
