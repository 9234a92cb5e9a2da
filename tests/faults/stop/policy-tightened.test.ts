/** A policy is tightened while grants are out: nothing of what it forbids is claimed any more. */
import { setTimeout as sleep } from 'node:timers/promises'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { applyPolicy } from '@chimera/infra/database/policies/apply-policy'
import { readPolicy } from '@chimera/infra/policies/read-policy'
import { afterAll, beforeAll, expect } from 'vitest'
import { z } from 'zod'

import { eventually } from '../../e2e/stack-rig.ts'
import { control, guarantee, type Random, sampleSize, seeded } from '../../guarantee.ts'
import { type FaultRig, goalCounts, openFaultRig } from '../fault-rig.ts'
import { goalOf, ledgerOf, notOnce, QUICK } from './stop-load.ts'

let of: FaultRig
beforeAll(async () => {
  of = await openFaultRig(QUICK)
}, 120_000)
afterAll(() => of[Symbol.asyncDispose]())

const GOALS_A_ROUND = 12

/** Forbids every post whose text holds the word. */
const without = (word: string): string => `policy: 1
name: tight
rules:
  - { id: posts, effect: allow, why: Posts are fine., when: { action: tweet.post } }
  - id: not-these
    effect: deny
    why: These were thought better of.
    when: { args: [{ at: /text, contains: ["${word}"] }] }
`

const Applied = z.object({
  acknowledged_at: z.string(),
  tools: z.array(z.object({ name: z.string(), result: z.string() })),
})

type Tighten = (source: string) => Promise<string>

/** The guard that is proved: `POST /v1/policy`. */
const overHttp: Tighten = async (source) => {
  const answer = await of.rig.api('/v1/policy', { method: 'POST', body: { source } })
  const told = Applied.parse(await answer.json())
  expect(told.tools).toEqual([{ name: 'tweet', result: 'fenced' }])
  return told.acknowledged_at
}

async function expectNothingForbidden(given: {
  prefix: string
  rounds: number
  random: Random
  tighten: Tighten
}): Promise<void> {
  const { rig } = of
  const acknowledged: [prefix: string, at: string][] = []
  for (let round = 0; round < given.rounds; round += 1) {
    const prefix = `${given.prefix}${round}-`
    for (let n = 0; n < GOALS_A_ROUND; n += 1) {
      const id = `${prefix}${n}`
      await rig.xadd('text', `publish a tweet: ${id}`, 'id', id)
    }
    const isSending = () => rig.posts().some((post) => goalOf(post).startsWith(prefix))
    await eventually(() => isSending() || undefined, 30_000, `round ${round} is sending`)
    await sleep(given.random.integer(0, 60))
    acknowledged.push([prefix, await given.tighten(without(prefix))])
    const ended = async () => {
      const { COMPLETED = 0, FAILED = 0 } = await goalCounts(of, prefix)
      return COMPLETED + FAILED === GOALS_A_ROUND || undefined
    }
    await eventually(ended, 60_000, `round ${round} ends`)
  }
  expect(await claimedAfter(acknowledged)).toEqual([])
  expect(notOnce(of)).toEqual([])
  const { FAILED = 0 } = await goalCounts(of, given.prefix)
  expect(FAILED).toBeGreaterThan(0)
}

/** Goals that the ledger claimed after the policy that forbids them was acknowledged. */
async function claimedAfter(acknowledged: readonly [string, string][]): Promise<string[]> {
  const rows = await of.record.query<{ effect_key: string; goal_id: string }>({
    text: 'SELECT DISTINCT effect_key, goal_id FROM effects',
  })
  const goals = new Map(rows.map((row) => [row.effect_key, row.goal_id]))
  return (await ledgerOf(of.rig)).flatMap(({ effect_key: key, claimed_at: at, state }) => {
    const goal = goals.get(key) ?? ''
    const [, since] = acknowledged.find(([prefix]) => goal.startsWith(prefix)) ?? []
    const isLate = since !== undefined && at !== null && Date.parse(at) > Date.parse(since)
    return isLate && state !== 'VOID' ? [`${goal} at ${at}, forbidden since ${since}`] : []
  })
}

const tightened = {
  id: 'policy-tightened',
  n: sampleSize({ ci: 8, full: 500 }),
  seed: 65,
}
guarantee(
  {
    ...tightened,
    title: 'what a tightened policy forbids is not claimed after the change is acknowledged',
    timeoutMs: 60_000 + tightened.n * 20_000,
  },
  ({ n, random }) =>
    expectNothingForbidden({ prefix: 'pt-', rounds: n, random, tighten: overHttp }),
)

control(
  {
    guard: 'the fence at the tool servers',
    test: tightened.id,
    expect: /to deeply equal \[\]/,
    timeoutMs: 180_000,
  },
  () =>
    expectNothingForbidden({
      prefix: 'unfenced-',
      rounds: 4,
      random: seeded(65),
      tighten: async (source) => {
        const document = readPolicy(source)
        const by = { tenantId: DEFAULT_TENANT, note: null, actor: 'control' }
        await applyPolicy(of.record, { ...by, source, document })
        return new Date().toISOString()
      },
    }),
)
