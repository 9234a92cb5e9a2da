import { setTimeout as sleep } from 'node:timers/promises'

import type { Redis } from 'ioredis'

/** Of one pipeline; more would only wait in the socket. */
const BATCH = 500

type Posting = {
  redis: Redis
  name: string
  /** The product's own unless it is named. */
  stream?: string
}

/** Posts goals `<name>-<n>` of one no-op task each, as fast as Redis takes them. */
export async function postNoops(of: Posting & { goals: number }): Promise<void> {
  for (let from = 0; from < of.goals; from += BATCH)
    await postSome(of, from, Math.min(of.goals, from + BATCH))
}

/**
 * Posts them at a rate: whatever is due at each beat goes together. When each was posted, by its
 * number, in milliseconds of the clock.
 */
export async function postNoopsAt(
  of: Posting & { perSecond: number; seconds: number },
): Promise<number[]> {
  const goals = of.perSecond * of.seconds
  const began = performance.now()
  const posted: number[] = []
  while (posted.length < goals) {
    const due = Math.ceil(((performance.now() - began) / 1000) * of.perSecond)
    const until = Math.min(goals, due)
    const from = posted.length
    while (posted.length < until) posted.push(performance.timeOrigin + performance.now())
    if (until > from) await postSome(of, from, until)
    await sleep(1)
  }
  return posted
}

async function postSome(
  { redis, name, stream = 'chimera:goals' }: Posting,
  from: number,
  until: number,
): Promise<void> {
  const pipeline = redis.pipeline()
  for (let n = from; n < until; n += 1) {
    const goal = JSON.stringify({ id: `${name}-${n}`, text: 'noop 1' })
    pipeline.xadd(stream, '*', 'goal', goal)
  }
  await pipeline.exec()
}
