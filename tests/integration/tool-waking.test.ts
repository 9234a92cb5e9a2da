import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { openRig, TOKENS, type Rig } from './tool-rig.ts'

const FAST = { TWEET_COOLDOWN_MS: '1', TWEET_ABSENCE_MS: '450', TWEET_SEND_TIMEOUT_MS: '500' }
const CALLS = 3
/** Until what was written is in the sockets of the other side. */
const ARRIVES_MS = 30
/** What is shorter than this is no absence. */
const AWAY_MS = 300

/** On a connection of its own, as the command line comes. */
async function stopEverything(rig: Rig, epoch: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const outgoing = request(`${rig.url}/control/fence`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${TOKENS.stop}`, 'content-type': 'application/json' },
  })
  outgoing.on('response', (answer) => resolve(answer.resume().statusCode ?? 0))
  outgoing.on('error', reject)
  outgoing.end(JSON.stringify({ scope: 'everything', epoch, stopped: true }))
  return promise
}

/** Calls and then a stop come to a server that stands still; what it does when it goes on. */
async function wakeUp(rig: Rig, round: number): Promise<void> {
  const epoch = 2 * round + 1
  const clients = await Promise.all(Array.from({ length: CALLS }, async () => rig.connect()))
  const args = { text: `round ${round}`, is_ai_labeled: true }
  const granted = clients.map(() =>
    rig.claims({ args, goal: `wake-${round}-${Math.random()}`, fences: { everything: epoch - 1 } }),
  )
  rig.tool.child.kill('SIGSTOP')
  const calling = granted.map(async (claims, n) => {
    const client = clients[n]
    return rig.call(claims, args, client === undefined ? {} : { client })
  })
  await sleep(ARRIVES_MS)
  const stopping = stopEverything(rig, epoch)
  await sleep(AWAY_MS)
  rig.tool.child.kill('SIGCONT')
  expect(await stopping).toBe(200)
  const replies = await Promise.all(calling)
  await Promise.all(clients.map(async (client) => client.close()))
  await rig.fence('everything', epoch + 1, false)
  expect(replies.filter(({ code }) => code !== 'FENCED')).toEqual([])
  expect(replies.filter(({ status }) => status !== 'VOID')).toEqual([])
}

async function wakeOften(n: number, composed?: readonly string[]): Promise<void> {
  await using rig = await openRig(FAST, composed)
  await rig.tellX({ duplicate_check: false })
  for (let round = 0; round < n; round += 1) await wakeUp(rig, round)
  expect(rig.posts()).toEqual([])
}

const woken = { id: 'stop-before-call', title: 'a server that wakes up hears a stop before a call' }
const n = sampleSize({ ci: 6, full: 200 })
guarantee({ ...woken, n, seed: 1, timeoutMs: 60_000 + n * 1_500 }, async () => wakeOften(n))

const guard = 'what came in meanwhile is heard first'
control({ guard, test: woken.id, expect: /to deeply equal \[\]/ }, async () => {
  await wakeOften(20, ['without=catch-up'])
})
