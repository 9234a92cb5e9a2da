import type { FeedEvent } from '@chimera/contracts/trail/feed'
import { linesOf } from '@chimera/infra/streams/feed/feed-line'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { type StackRig, ended, eventually, openStackRig } from './stack-rig.ts'

let rig: StackRig

beforeAll(async () => {
  rig = await openStackRig({ servers: 'own' })
}, 120_000)
afterAll(() => rig[Symbol.asyncDispose]())

const tweetsOf = (text: string) =>
  rig.tweets().filter(({ body }) => JSON.stringify(body).includes(text))

/** Everything on the feed so far. */
async function feedOf(of: StackRig): Promise<FeedEvent[]> {
  const redis = await of.redis()
  const entries = await redis.xrange('chimera:feed', '-', '+')
  return entries
    .flatMap(([id, fields]) => linesOf({ id, fields }))
    .flatMap(({ event }) => event ?? [])
}

const Approvals = z.array(z.looseObject({ id: z.string() }))
const openApprovals = async (goal: string) =>
  Approvals.parse(JSON.parse((await rig.cli('approval', 'ls', '--goal', goal, '--json')).stdout))

describe('a goal posted on the stream', () => {
  it('becomes a tweet in under 2 s, with every step in the record', async () => {
    // The first goal of a fresh stack also waits for the hello of the tool server.
    await eventually(
      async () => (await rig.status()).tools.every(({ state }) => state === 'open'),
      20_000,
      'tool servers open',
    )
    const posted = Date.now()
    await rig.xadd('goal', JSON.stringify({ id: 'thread', text: 'publish a tweet: first light' }))
    await eventually(() => tweetsOf('first light')[0], 10_000, 'the tweet')
    expect(Date.now() - posted).toBeLessThan(2_000)

    const goal = await ended(rig, 'thread')
    expect(goal).toMatchObject({ status: 'COMPLETED', mode: 'paper', tasks_open: 0 })
    expect(goal.tasks).toMatchObject([{ status: 'COMPLETED', phase: 'done', attempt: 1 }])
    expect(goal.effects).toMatchObject([{ slot: 'publish', round: 1, state: 'CONFIRMED' }])
    const [effect] = goal.effects
    expect(effect?.provider_ref).toBe(tweetsOf('first light')[0]?.id)
    expect(effect?.receipt?.simulated).toBe(true)
    const [task] = goal.tasks
    const times = [task?.received_at, task?.planned_at, task?.ready_at, task?.claimed_at]
    expect([...times, task?.result_at, task?.judged_at].every((at) => typeof at === 'string')).toBe(
      true,
    )
  })

  it('is named by every event of its tasks and effects on the feed', async () => {
    const { tasks, effects } = await ended(rig, 'thread')
    const about = new Set([...tasks, ...effects].map(({ id }) => id))
    const seen = async () => (await feedOf(rig)).filter(({ data }) => about.has(String(data['id'])))
    const types = ['task.ready', 'task.running', 'task.judging', 'task.granted', 'task.done']
    for (const type of [...types, 'effect.granted', 'effect.confirmed']) {
      const event = async () => (await seen()).find((one) => one.type === type)
      expect(await eventually(event, 5_000, type)).toMatchObject({ goal_id: 'thread' })
    }
    expect((await seen()).filter((one) => one.goal_id !== 'thread')).toEqual([])
  })

  it('may be written in plain fields, by HTTP and by the command line', async () => {
    await rig.xadd('text', 'publish a tweet: by plain fields', 'id', 'plain', 'mode', 'paper')
    const http = await rig.api('/v1/goals', {
      method: 'POST',
      body: { id: 'http', text: 'publish a tweet: by curl' },
    })
    expect(http.status).toBe(201)
    const posted = await rig.cli(
      'goal',
      'post',
      'publish a tweet: by hand',
      '--id',
      'cli',
      '--wait',
    )
    expect(posted.code).toBe(0)
    for (const id of ['plain', 'http', 'cli']) {
      expect(await ended(rig, id)).toMatchObject({ status: 'COMPLETED' })
    }
    for (const text of ['by plain fields', 'by curl', 'by hand']) {
      expect(tweetsOf(text)).toHaveLength(1)
    }
  })

  it('twice is one goal and one tweet; with other words it is a conflict that shows', async () => {
    const entry = JSON.stringify({ id: 'twice', text: 'publish a tweet: only once' })
    await rig.xadd('goal', entry)
    await rig.xadd('goal', entry)
    await ended(rig, 'twice')
    const again = await rig.api('/v1/goals', { method: 'POST', body: JSON.parse(entry) })
    expect(again.status).toBe(200)
    expect(tweetsOf('only once')).toHaveLength(1)

    await rig.xadd('goal', JSON.stringify({ id: 'twice', text: 'publish a tweet: other words' }))
    const letter = await eventually(
      async () => {
        const { stdout } = await rig.cli('dead', 'ls', '--json')
        return stdout.includes('GOAL_ID_CONFLICT') ? stdout : undefined
      },
      10_000,
      'a dead letter for the conflict',
    )
    expect(letter).toContain('twice')
    const http = await rig.api('/v1/goals', {
      method: 'POST',
      body: { id: 'twice', text: 'publish a tweet: third words' },
    })
    expect(http.status).toBe(409)
    expect(await http.json()).toMatchObject({ code: 'GOAL_ID_CONFLICT' })
    expect(tweetsOf('other words')).toHaveLength(0)
  })

  it('with the words of another waits for a person, whose word X may still refuse', async () => {
    await rig.xadd('goal', JSON.stringify({ id: 'same-1', text: 'publish a tweet: same words' }))
    await ended(rig, 'same-1')
    await rig.xadd('goal', JSON.stringify({ id: 'same-2', text: 'publish a tweet: same words' }))
    const id = await eventually(async () => (await openApprovals('same-2'))[0]?.id, 10_000, 'asked')
    expect(tweetsOf('same words')).toHaveLength(1)
    expect((await rig.cli('approval', 'approve', id)).code).toBe(0)
    const second = await ended(rig, 'same-2')
    expect(second).toMatchObject({ status: 'FAILED', failure: { code: 'DUPLICATE' } })
    expect(tweetsOf('same words')).toHaveLength(1)
  })

  it('that pays somebody whom nobody has entered fails with a reason', async () => {
    await rig.xadd('goal', JSON.stringify({ id: 'pay', text: 'pay 5 USDC to alice' }))
    const goal = await ended(rig, 'pay')
    expect(goal.status).toBe('FAILED')
    expect(goal.failure?.code).toBe('REGISTRY_ENTRY_NOT_FOUND')
    // Asset and address are both missing; either is named, with the command that enters it.
    expect(goal.failure?.message).toContain('chimera registry ')

    expect((await rig.cli('registry', 'known', '--add')).code).toBe(0)
    await rig.xadd('goal', JSON.stringify({ id: 'pay-known', text: 'pay 5 USDC to alice' }))
    const known = await ended(rig, 'pay-known')
    expect(known.failure?.code).toBe('REGISTRY_ENTRY_NOT_FOUND')
    expect(known.failure?.message).toContain("chimera registry add address 'alice' <value>")
  })

  it('in dry mode asks nobody', async () => {
    const before = rig.posts().length
    await rig.xadd('text', 'publish a tweet: nobody hears this', 'id', 'dry', 'mode', 'dry')
    const goal = await ended(rig, 'dry')
    expect(goal).toMatchObject({
      status: 'COMPLETED',
      effects: [{ state: 'CONFIRMED', mode: 'dry' }],
    })
    expect(rig.posts()).toHaveLength(before)
  })
})
