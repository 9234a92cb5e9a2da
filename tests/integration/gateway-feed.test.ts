import { setTimeout as sleep } from 'node:timers/promises'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openGatewayRig, problemIn, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await openGatewayRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

/** One client of the feed: everything that it was sent so far, as text. */
async function listen(headers: Record<string, string> = {}, of = rig) {
  const stop = new AbortController()
  const response = await of.ask('/v1/feed', { headers, signal: stop.signal })
  const said = { text: '', ended: false }
  const reading = (async () => {
    const stream = response.body?.pipeThrough(new TextDecoderStream())
    for await (const chunk of stream ?? []) said.text += chunk
  })()
    .catch(() => undefined)
    .finally(() => (said.ended = true))
  return {
    response,
    said,
    close: async () => {
      stop.abort()
      await reading
    },
    /** Waits for the text. */
    until: async (text: string | RegExp) => {
      for (let tries = 0; tries < 300; tries += 1) {
        if (typeof text === 'string' ? said.text.includes(text) : text.test(said.text)) return
        await sleep(10)
      }
      throw new Error(`never heard ${String(text)}, only ${said.text}`)
    },
  }
}

async function publish(...summaries: string[]): Promise<void> {
  await openPublisher({ redis: rig.redis, source: 'test' }).publish(
    summaries.map((summary) => ({
      stream: 'chimera:feed' as const,
      payload: {
        type: 'goal.received',
        tenant: DEFAULT_TENANT,
        summary,
        at: new Date().toISOString(),
      },
    })),
  )
}

const summaries = (text: string): string[] =>
  [...text.matchAll(/"summary":"([^"]*)"/g)].map(([, summary = '']) => summary)

describe('GET /v1/feed', () => {
  test('tells what happens from now on, to everyone who listens', async () => {
    await publish('before')
    const [one, other] = [await listen(), await listen()]
    expect(one.response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    await one.until('retry: 1000')
    await sleep(100)
    await rig.post('/v1/goals', { id: 'heard', text: 'generic: hello' })
    for (const client of [one, other]) {
      await client.until('"goal_id":"heard"')
      expect(summaries(client.said.text)).not.toContain('before')
      await client.close()
    }
  })

  test('goes on after Last-Event-ID without a gap or a repeat', async () => {
    const first = await listen()
    await sleep(100)
    await publish('a', 'b', 'c')
    await first.until('"summary":"c"')
    await first.close()
    const ids = [...first.said.text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id)
    await publish('d')
    const second = await listen({ 'last-event-id': ids[0] ?? '' })
    await second.until('"summary":"d"')
    await publish('e')
    await second.until('"summary":"e"')
    expect(summaries(second.said.text)).toEqual(['b', 'c', 'd', 'e'])
    await second.close()
  })

  test('says reset when what came after the id is not known any more', async () => {
    const client = await listen({ 'last-event-id': '1-1' })
    await client.until('event: reset')
    await publish('after the reset')
    await client.until('after the reset')
    await client.close()
  })

  test('keeps tenants apart', async () => {
    const client = await listen()
    await sleep(100)
    await openPublisher({ redis: rig.redis, source: 'test' }).publish([
      {
        stream: 'chimera:feed',
        payload: { type: 'x', tenant: newId(), summary: 'theirs', at: new Date().toISOString() },
      },
    ])
    await publish('ours')
    await client.until('"summary":"ours"')
    expect(client.said.text).not.toContain('theirs')
    await client.close()
  })

  test('is open to so many at once for one token, and again when they have gone', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => listen()))
    const refused = await rig.ask('/v1/feed')
    expect(refused.status).toBe(429)
    expect(await problemIn(refused)).toMatchObject({ code: 'RATE_LIMITED', retryable: true })
    await Promise.all(clients.map((client) => client.close()))
    await sleep(200)
    const again = await listen()
    expect(again.response.status).toBe(200)
    await again.close()
  })

  test('ends when the gateway stops, which takes no time', async () => {
    await using own = await openGatewayRig()
    const client = await listen({}, own)
    await client.until('retry: 1000')
    const before = performance.now()
    await own.gateway[Symbol.asyncDispose]()
    expect(performance.now() - before).toBeLessThan(2_000)
    await client.close()
    expect(client.said.ended).toBe(true)
  })

  test('costs Redis nothing while nobody listens', async () => {
    await sleep(200)
    const commands = async () => {
      const facts = await rig.redis.client.info('commandstats')
      return Number(/cmdstat_xread:calls=(\d+)/.exec(facts)?.[1] ?? 0)
    }
    await publish('wakes a read that still waits')
    await sleep(200)
    const before = await commands()
    await publish('nobody')
    await sleep(300)
    expect((await commands()) - before).toBe(0)
  })
})
