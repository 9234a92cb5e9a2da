/** The policy in the Judge: what it denies, what its windows hold, what a new version does. */
import { newId } from '@chimera/contracts/ids'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import type { Database } from '@chimera/infra/database/open-database'
import { applyPolicy } from '@chimera/infra/database/policies/apply-policy'
import { findDecision, listDecisions } from '@chimera/infra/database/policies/find-decisions'
import { readPolicy } from '@chimera/infra/policies/read-policy'
import { handleRings } from '@chimera/judge/handle-rings'
import { beforeEach, describe, expect, it } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import {
  effectsOf,
  type JudgeRig,
  plannedGoal,
  receiptFor,
  tweetEffect,
  judgeOfFile,
} from './judge-rig.ts'

const rig = judgeOfFile()

const ALLOW = `- { id: posts, effect: allow, why: Posts are fine., when: { action: tweet.post } }`
const apply = (rules: string, on: Database = rig.database) => {
  const source = `policy: 1\nname: test\nrules:\n  ${rules}\n`
  const document = readPolicy(source)
  return applyPolicy(on, { tenantId: DEFAULT_TENANT, source, document, note: null, actor: 'test' })
}
const tasks = (ids: readonly string[]): ResultRing[] => ids.map((id) => ({ look_at: 'task', id }))

/** A goal of one tweet that the Judge has looked at. */
async function judged(deps = rig.deps): Promise<{ goal: string; ids: string[] }> {
  const goal = `g-${newId()}`
  const ids = await plannedGoal(rig.database, {
    id: goal,
    slots: ['publish'],
    tasks: [{ effects: [tweetEffect()] }],
  })
  await handleRings(deps, tasks(ids))
  return { goal, ids }
}

const verdictOf = async (goal: string) => {
  const [row] = await rig.database.query<{ phase: string; verdict: { votes: object[] } }>({
    text: 'SELECT phase, verdict FROM tasks WHERE goal_id = $1',
    values: [goal],
  })
  return row
}

describe('the policy of a tenant', () => {
  it('that ships lets a simulated tweet in owner words through, and says so', async () => {
    const { goal } = await judged()
    const [effect] = await effectsOf(rig.database, goal)
    expect(effect?.state).toBe('GRANTED')
    expect((await verdictOf(goal))?.verdict.votes).toContainEqual({
      gate: 'policy',
      vote: 'allow',
      code: 'POLICY_ALLOWED',
      reason: expect.stringContaining('default@0 rule simulated-posts'),
    })
    const claims = JSON.parse(atob((effect?.grant_jws ?? '').split('.')[1] ?? ''))
    expect(claims).toMatchObject({ policy_version: 'default@0' })
    const kept = await findDecision(rig.database, {
      tenantId: DEFAULT_TENANT,
      effectId: effect?.id ?? '',
    })
    expect(kept).toMatchObject({ decision: 'allow', rules: ['simulated-posts'] })
  })

  it('denies what no rule allows, and what a rule denies, with its id', async () => {
    await apply('- { id: reads, effect: allow, why: Reads., when: { action: read } }')
    const silent = await judged()
    expect(await effectsOf(rig.database, silent.goal)).toMatchObject([
      { state: 'DENIED', code: 'POLICY_NO_RULE' },
    ])
    await apply(`${ALLOW}
  - id: no-hello
    effect: deny
    why: No.
    when: { args: [{ at: /text, contains: [HELLO] }] }`)
    const { goal } = await judged()
    expect(await effectsOf(rig.database, goal)).toMatchObject([
      { state: 'DENIED', code: 'POLICY_DENIED' },
    ])
    expect(await verdictOf(goal)).toMatchObject({ phase: 'denied' })
    const kept = await listDecisions(rig.database, { tenantId: DEFAULT_TENANT, days: 1 })
    expect(kept.at(-1)).toMatchObject({ decision: 'deny', rules: ['no-hello'], goalId: goal })
  })

  it('that cannot be read denies everything', async () => {
    await apply(ALLOW)
    await rig.database.query({
      text: 'UPDATE tenants SET policy_version = 999, version_id = $1',
      values: [newId()],
    })
    const { goal } = await judged()
    expect(await effectsOf(rig.database, goal)).toMatchObject([
      { state: 'DENIED', code: 'POLICY_UNAVAILABLE' },
    ])
    await apply(ALLOW)
  })

  it('that is replaced while a verdict is made is asked again', async () => {
    await apply(ALLOW)
    let changed = false
    const late: Database = {
      ...rig.database,
      transaction: async (work, scope) => {
        if (!changed) {
          changed = true
          await apply('- { id: none, effect: deny, why: No., when: {} }')
        }
        return rig.database.transaction(work, scope)
      },
    }
    const { goal } = await judged({ ...rig.deps, database: late })
    expect(await effectsOf(rig.database, goal)).toMatchObject([
      { state: 'DENIED', code: 'POLICY_DENIED' },
    ])
    await apply(ALLOW)
  })
})

const CAP = 10
const WINDOWED = `${ALLOW}
  - id: cap
    effect: deny
    why: So many are enough.
    when: { count: { per: goal, window: 24h, actions: [tweet.post], gt: ${CAP} } }`

/** Workers race for one window; then one is closed without effect, and its place is taken. */
async function expectWindowHolds(rounds: number, open: () => JudgeRig['deps']): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const id = `window-${newId()}`
    const slots = Array.from({ length: 50 }, (_, index) => `publish:${index}`)
    const effects = slots.map((slot) => ({ effects: [tweetEffect(slot)] }))
    const late = [{ effects: [tweetEffect('publish:50')] }]
    const ids = await plannedGoal(rig.database, {
      id,
      slots: [...slots, 'publish:50'],
      tasks: [...effects, ...late],
      maxCostUsd: 1_000,
    })
    await Promise.all(ids.slice(0, 50).map((task) => handleRings(open(), tasks([task]))))
    const rows = await effectsOf(rig.database, id)
    const granted = rows.filter(({ state }) => state === 'GRANTED')
    expect(granted).toHaveLength(CAP)
    expect(rows.filter(({ code }) => code === 'POLICY_DENIED')).toHaveLength(50 - CAP)
    const [first] = granted
    if (first === undefined) throw new Error('nothing was granted')
    const refused = receiptFor(first, { state: 'REFUSED', code: 'UPSTREAM_REJECTED' })
    delete refused.provider_ref
    const receipt = await rig.carry(await rig.sign(refused))
    await handleRings(open(), [{ look_at: 'receipt', id: receipt }])
    await handleRings(open(), tasks(ids.slice(50)))
    const again = await effectsOf(rig.database, id)
    expect(again.filter(({ state }) => state === 'GRANTED')).toHaveLength(CAP)
  }
}

const cap = { id: 'policy-window', n: sampleSize({ ci: 2, full: 100 }), seed: 64 }
describe('a window', () => {
  beforeEach(() => apply(WINDOWED))

  it('counts what one result proposes together', async () => {
    const id = `together-${newId()}`
    const slots = Array.from({ length: CAP + 1 }, (_, index) => `publish:${index}`)
    const effects = slots.map((slot) => tweetEffect(slot))
    const proposing = [{ effects }, { effects: effects.slice(1) }]
    const ids = await plannedGoal(rig.database, { id, slots, tasks: proposing, maxCostUsd: 1_000 })
    await handleRings(rig.deps, tasks(ids.slice(0, 1)))
    const denied = await effectsOf(rig.database, id)
    expect(new Set(denied.map(({ code }) => code))).toEqual(new Set(['POLICY_DENIED']))
    await handleRings(rig.deps, tasks(ids.slice(1)))
    const all = await effectsOf(rig.database, id)
    expect(all.filter(({ state }) => state === 'GRANTED')).toHaveLength(CAP)
  })

  guarantee(
    {
      ...cap,
      title: '50 racing workers fill a window exactly, and what did not happen is free again',
      timeoutMs: 1_200_000,
    },
    ({ n }) => {
      const judges = Array.from({ length: 8 }, () => rig.another())
      let turn = 0
      return expectWindowHolds(n, () => judges[(turn += 1) % judges.length] ?? rig.deps)
    },
  )

  control({ guard: 'the second look under a lock', test: cap.id, expect: /length of 10/ }, () => {
    // Check, then act: what the first look said is taken for true when the grant is made.
    const judges = Array.from({ length: 8 }, () => rig.another())
    const careless = judges.map((deps) => {
      let looked = '[]'
      const carelessly: Database = {
        ...deps.database,
        query: async (statement, scope) => {
          if (statement.name === 'read-windows') {
            looked = JSON.stringify(await deps.database.query(statement, scope))
          }
          return deps.database.query(statement, scope)
        },
        transaction: (work, scope) =>
          deps.database.transaction(
            (tx) =>
              work({
                query: (statement) =>
                  tx.query(
                    statement.name === 'read-windows'
                      ? {
                          text: `SELECT * FROM jsonb_to_recordset($1::jsonb)
                          AS r(key text, held text, unsaid boolean)`,
                          values: [looked],
                        }
                      : statement,
                  ),
              }),
            scope,
          ),
      }
      return { ...deps, database: carelessly }
    })
    let turn = 0
    return expectWindowHolds(1, () => careless[(turn += 1) % careless.length] ?? rig.deps)
  })
})
