import { setImmediate as turn } from 'node:timers/promises'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { FeedEvent } from '@chimera/contracts/trail/feed'
import type { FeedItem } from '@chimera/infra/streams/feed-reader'
import { describe, expect, it } from 'vitest'

import { eventStream } from './event-stream.ts'

const event = (summary: string): FeedEvent => ({
  type: 'goal.received',
  tenant: DEFAULT_TENANT,
  summary,
  data: {},
  at: '2026-11-21T00:00:00.000Z',
})
const item = (n: number, summary = 'x'): FeedItem => ({
  kind: 'event',
  id: `${n}-0`,
  event: event(summary),
})

/** A stream of what is pushed; `text` reads all that is there. */
function rig(of: { isVisible?: (summary: string) => boolean; stallMs?: number } = {}) {
  const queue: FeedItem[] = []
  let wake = Promise.withResolvers<void>()
  const stop = new AbortController()
  let ended = 0
  async function* items(signal: AbortSignal): AsyncGenerator<FeedItem> {
    signal.addEventListener('abort', () => wake.resolve())
    while (!signal.aborted) {
      const next = queue.shift()
      if (next !== undefined) yield next
      else {
        await wake.promise
        wake = Promise.withResolvers()
      }
    }
  }
  const stream = eventStream({
    items,
    isVisible: ({ event: { summary } }) => of.isVisible?.(summary) ?? true,
    isAllowed: () => Promise.resolve(true),
    signal: stop.signal,
    onEnd: () => {
      ended += 1
    },
    ...(of.stallMs === undefined ? {} : { stallMs: of.stallMs }),
  })
  const reader = stream.getReader()
  return {
    reader,
    stop,
    ended: () => ended,
    push: async (...more: FeedItem[]) => {
      queue.push(...more)
      wake.resolve()
      for (let n = 0; n < 20; n += 1) await turn()
    },
    read: async () => new TextDecoder().decode((await reader.read()).value),
  }
}

describe('a stream of events', () => {
  it('says when to come again, then each event under its id', async () => {
    const { push, read } = rig()
    expect(await read()).toBe('retry: 1000\n\n')
    await push(item(7))
    expect(await read()).toBe(`id: 7-0\ndata: ${JSON.stringify(event('x'))}\n\n`)
    await push({ kind: 'reset' })
    expect(await read()).toBe('event: reset\ndata: {}\n\n')
  })

  it('shows nothing that its client may not see', async () => {
    const { push, read } = rig({ isVisible: (summary) => summary === 'mine' })
    await read()
    await push(item(1, 'theirs'), item(2, 'mine'))
    expect(await read()).toContain('id: 2-0')
  })

  it('tells a slow client that it has lost events, and goes on with new ones', async () => {
    const { push, read } = rig({ stallMs: 0 })
    await read()
    const big = 'x'.repeat(300)
    for (let n = 1; n < 1_200; n += 1) await push(item(n, big))
    // Everything that was kept for it is read; then the next event comes after the gap.
    const quiet = () =>
      new Promise<string>((resolve) => {
        setTimeout(() => resolve('quiet'), 50)
      })
    let pending = read()
    let kept = 0
    while ((await Promise.race([pending, quiet()])) !== 'quiet') {
      kept += 1
      pending = read()
    }
    expect(kept).toBeLessThan(1_199)
    await push(item(5_000, 'new'))
    expect(await pending).toContain('event: gap')
    expect(await read()).toContain('id: 5000-0')
  })

  it('ends at the stop, and when its client goes away', async () => {
    const stopped = rig()
    await stopped.read()
    stopped.stop.abort()
    expect((await stopped.reader.read()).done).toBe(true)
    expect(stopped.ended()).toBe(1)
    const left = rig()
    await left.reader.cancel()
    await left.push()
    expect(left.ended()).toBe(1)
  })
})
