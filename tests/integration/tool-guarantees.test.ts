import { setTimeout as sleep } from 'node:timers/promises'

import { newId } from '@chimera/contracts/ids'
import type { Client } from '@modelcontextprotocol/client'
import { expect } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { freePort, startProcess } from './tool-process.ts'
import { openRig, type Rig } from './tool-rig.ts'

/** Short enough to test with; the rules are those of the 15 minutes. */
const FAST = { TWEET_COOLDOWN_MS: '1', TWEET_ABSENCE_MS: '450', TWEET_SEND_TIMEOUT_MS: '500' }

const args = { text: 'said once', is_ai_labeled: true }

async function withRig(composed: readonly string[], body: (rig: Rig) => Promise<void>) {
  await using rig = await openRig(FAST, composed)
  await rig.tellX({ duplicate_check: false })
  await body(rig)
}

async function oneGrantManyTimes(composed: readonly string[], n: number): Promise<void> {
  await withRig(composed, async (rig) => {
    const claims = rig.claims({ args })
    const grant = await rig.judge.sign('grant', claims)
    const clients = await Promise.all(Array.from({ length: 4 }, async () => rig.connect()))
    const each = async (client: Client, index: number): Promise<void> => {
      for (let k = index; k < n; k += clients.length) {
        await rig.call(claims, args, { grant, client })
      }
    }
    await Promise.all(clients.map(each))
    await Promise.all(clients.map(async (client) => client.close()))
    expect(rig.posts()).toHaveLength(1)
  })
}

const DELIVERIES = sampleSize({ ci: 40, full: 1000 })

guarantee(
  {
    id: 'tool-grant-once',
    title: 'one grant, delivered many times, is one post',
    n: DELIVERIES,
    seed: 1,
    timeoutMs: 60_000 + DELIVERIES * 1_000,
  },
  async ({ n }) => oneGrantManyTimes([], n),
)
control(
  {
    guard: 'the claim before the act',
    test: 'tool-grant-once',
    expect: /to have a length of 1 but got \d/,
  },
  async () => oneGrantManyTimes(['without=claim'], 4),
)

/** A stop, then grants from before it: none of them leaves. */
async function grantsAfterStop(composed: readonly string[], n: number): Promise<void> {
  await withRig(composed, async (rig) => {
    const granted = Array.from({ length: n }, () => rig.claims({ args }))
    await rig.fence('everything', 1)
    for (const claims of granted) await rig.call(claims, args)
    await rig.fence('everything', 2, false)
    for (const claims of granted) await rig.call({ ...claims, jti: newId() }, args)
    expect(rig.posts(), 'posts after the stop').toHaveLength(0)
  })
}

const STOPPED = sampleSize({ ci: 5, full: 200 })

guarantee(
  {
    id: 'tool-fence',
    title: 'what was granted before a stop does not leave after it, nor after the resume',
    n: STOPPED,
    seed: 2,
    timeoutMs: 60_000 + STOPPED * 5_000,
  },
  async ({ n }) => grantsAfterStop([], n),
)
control(
  {
    guard: 'the fence',
    test: 'tool-fence',
    expect: /posts after the stop.*but got 1/s,
  },
  async () => grantsAfterStop(['without=fence'], 1),
)

/** A stop between the claim and the write: the answer names what left, and nothing else does. */
async function stopBetweenClaimAndWrite(composed: readonly string[]): Promise<void> {
  await withRig(['pause=400', ...composed], async (rig) => {
    const claims = rig.claims({ args })
    const call = rig.call(claims, args)
    await expect.poll(async () => (await ledgerOf(rig)).length).toBe(1)
    const { in_flight: inFlight } = await rig.fence('everything', 1)
    expect(inFlight).toEqual([])
    const reply = await call
    expect(rig.posts(), 'posts that were not in flight').toHaveLength(0)
    expect(reply.receipt).toMatchObject({ state: 'NOT_SENT', code: 'FENCED' })
  })
}

async function ledgerOf(rig: Rig): Promise<string[]> {
  const response = await fetch(`${rig.url}/control/ledger`, {
    headers: { authorization: `Bearer control-token-of-the-tests` },
  })
  return (await response.text()).split('\n').filter((line) => line !== '')
}

guarantee(
  {
    id: 'tool-second-look',
    title: 'a stop after the claim is seen before the write',
    n: 1,
    seed: 3,
  },
  async () => stopBetweenClaimAndWrite([]),
)
control(
  {
    guard: 'the second look before the socket',
    test: 'tool-second-look',
    expect: /posts that were not in flight.*but got 1/s,
  },
  async () => stopBetweenClaimAndWrite(['without=second-look']),
)

/**
 * A server that is paused with a claim in hand, and a second one on its ledger. Without the lock
 * the second proves absence while the first can still send.
 */
async function twoServersOneLedger(composed: readonly string[]): Promise<void> {
  await withRig(['pause=600', ...composed], async (rig) => {
    const first = rig.tool
    const claims = rig.claims({ args })
    const lost = rig.call(claims, args).catch(() => undefined)
    await expect.poll(async () => (await ledgerOf(rig)).length).toBe(1)
    first.child.kill('SIGSTOP')
    try {
      const port = await freePort()
      const env = rig.env({ ...FAST, TOOL_PORT: String(port) })
      await using probe = startProcess('tests/integration/tool-composed.ts', env, composed)
      const isSecondUp = await probe.ready.then(
        () => true,
        () => false,
      )
      if (isSecondUp) {
        await probe.kill()
        await rig.startTool({ env: FAST, composed, newPort: true })
        expect(await rig.settled(claims.jti)).toMatchObject({ state: 'NOT_HAPPENED' })
        await rig.call({ ...rig.claims({ args, goal: claims.goal }), round: 2 }, args)
      } else {
        expect(await probe.exited).toEqual({ code: 75, signal: null })
      }
    } finally {
      first.child.kill('SIGCONT')
    }
    await lost
    await expect.poll(() => rig.posts().length).toBeGreaterThan(0)
    await sleep(800)
    expect(rig.posts()).toHaveLength(1)
  })
}

guarantee(
  { id: 'tool-ledger-lock', title: 'a second server on a ledger ends with 75', n: 1, seed: 4 },
  async () => twoServersOneLedger([]),
)
control(
  {
    guard: 'the exclusive lock',
    test: 'tool-ledger-lock',
    expect: /to have a length of 1 but got 2/,
  },
  async () => twoServersOneLedger(['without=lock']),
)
