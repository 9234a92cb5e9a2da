import { setTimeout as sleep } from 'node:timers/promises'

import { eventually, openBenchStack, openStateDir } from '../stack/bench-stack.ts'

/** One goal on an idle stack: from its XADD, in milliseconds. */
export type Passage = { tweeted_ms: number; completed_ms: number }

const WITHIN_MS = 20_000
/** Long enough that every process waits again. */
const PAUSE_MS = 250

/** Posts goals one after the other by XADD, and reads from X's own record when each arrived. */
export async function postGoals(options: {
  goals: number
  env: Readonly<Record<string, string | undefined>>
}): Promise<Passage[]> {
  using folder = openStateDir()
  const env = { ...options.env, TWEET_COOLDOWN_MS: '1' }
  await using stack = await openBenchStack({ stateDir: folder.stateDir, env })
  const passages: Passage[] = []
  for (let n = 0; n < options.goals; n += 1) {
    await sleep(PAUSE_MS)
    const text = `passage ${n}.`
    const postedAt = Date.now()
    await stack.post({ id: `passage-${n}`, text: `publish a tweet: ${text}` })
    const tweet = await eventually({
      what: `tweet ${n}`,
      withinMs: WITHIN_MS,
      everyMs: 20,
      check: () => stack.tweets().find(({ body }) => JSON.stringify(body).includes(text)),
    })
    const { finished_at } = await stack.ended(`passage-${n}`, WITHIN_MS)
    passages.push({
      tweeted_ms: Date.parse(tweet.received_at) - postedAt,
      completed_ms: Date.parse(finished_at ?? '') - postedAt,
    })
  }
  return passages
}
