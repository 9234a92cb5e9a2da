import { afterAll, beforeAll, expect, test } from 'vitest'

import { openRig, type Rig } from './tool-rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig({ TWEET_COOLDOWN_MS: '1' })
})
afterAll(async () => rig[Symbol.asyncDispose]())

test('a grant becomes one post and a signed receipt', async () => {
  const args = { text: 'hello from a grant', is_ai_labeled: true }
  const claims = rig.claims({ args })
  const called = await rig.call(claims, args)
  expect(called).toMatchObject({ isError: false, status: 'CONFIRMED' })
  expect(called.receipt).toMatchObject({ state: 'CONFIRMED', grant_id: claims.jti, round: 1 })
  const again = await rig.call(claims, args)
  expect(again.receipt).toMatchObject({ state: 'CONFIRMED', seq: called.receipt?.seq })
  expect(rig.posts()).toHaveLength(1)
})
