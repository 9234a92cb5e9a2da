import { newId } from '@chimera/contracts/ids'
import type { ResultRing } from '@chimera/contracts/judging/rings'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { lowerKill } from '@chimera/infra/database/kill/lower-kill'
import { raiseKill } from '@chimera/infra/database/kill/raise-kill'
import type { Database } from '@chimera/infra/database/open-database'
import { handleRings } from '@chimera/judge/handle-rings'
import { describe, expect, it } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import {
  type JudgeRig,
  effectsOf,
  plannedGoal,
  receiptFor,
  tweetEffect,
  judgeOfFile,
} from './judge-rig.ts'

const rig = judgeOfFile()

const tasks = (ids: readonly string[]): ResultRing[] => ids.map((id) => ({ look_at: 'task', id }))
const receipt = (id: string): ResultRing => ({ look_at: 'receipt', id })
const phases = (goalId: string) =>
  rig.database
    .query<{ phase: string }>({
      text: 'SELECT phase FROM tasks WHERE goal_id = $1 ORDER BY planned_at',
      values: [goalId],
    })
    .then((rows) => rows.map(({ phase }) => phase))
const goalOf = async (id: string) => {
  const [row] = await rig.database.query<{ status: string; tasks_open: number; failure: unknown }>({
    text: 'SELECT status, tasks_open, failure FROM goals WHERE id = $1',
    values: [id],
  })
  return row
}
/** A tweet goal whose grant is out; answers its effect. */
async function granted(id: string) {
  const ids = await plannedGoal(rig.database, {
    id,
    slots: ['publish'],
    tasks: [{ effects: [tweetEffect()] }],
  })
  await handleRings(rig.deps, tasks(ids))
  const [effect] = await effectsOf(rig.database, id)
  if (effect === undefined) throw new Error('nothing was granted')
  return { effect, ids }
}

describe('the Judge', () => {
  it('denies what a kill level forbids, also when it rises while the verdict is made', async () => {
    const word = { scope: 'everything', reason: 'smoke', actor: 'test' }
    const [task = ''] = await plannedGoal(rig.database, {
      id: 'killed',
      slots: ['publish'],
      tasks: [{ effects: [tweetEffect()] }],
    })
    let epoch = 0
    const raised: JudgeRig['deps'] = {
      ...rig.deps,
      words: {
        ...rig.deps.words,
        grant: async (claims) => {
          // Signed already, and not committed yet.
          ;({ epoch } = await raiseKill(rig.database, { ...word, level: 3 }))
          return rig.deps.words.grant(claims)
        },
      },
    }
    await handleRings(raised, tasks([task]))
    const [effect] = await effectsOf(rig.database, 'killed')
    expect(effect).toMatchObject({ state: 'DENIED', code: 'KILL_LEVEL' })
    expect(await phases('killed')).toEqual(['denied'])
    await lowerKill(rig.database, { ...word, level: 0, above: epoch })
  })

  it('grants a verbatim tweet, settles on its receipt and ends the goal', async () => {
    const { effect } = await granted('once')
    expect(effect).toMatchObject({ state: 'GRANTED', round: 1 })
    expect(rig.published.filter(({ stream }) => stream === 'chimera:effects')).toHaveLength(1)
    await handleRings(rig.deps, [receipt(await rig.carry(await rig.sign(receiptFor(effect))))])
    expect((await effectsOf(rig.database, 'once'))[0]?.state).toBe('CONFIRMED')
    expect(await goalOf('once')).toMatchObject({ status: 'COMPLETED', tasks_open: 0 })
    const [budget] = await rig.database.query({
      text: `SELECT * FROM budgets WHERE scope_id = 'once'`,
    })
    expect(budget).toMatchObject({ reserved: '0', spent: '15000' })
  })

  it('changes nothing on a second ring or receipt, or on a later word', async () => {
    const { effect, ids } = await granted('again')
    const jws = await rig.sign(receiptFor(effect))
    await handleRings(rig.deps, [receipt(await rig.carry(jws))])
    const late = await rig.sign(receiptFor(effect, { state: 'REFUSED', seq: 9 }))
    await handleRings(rig.deps, [
      ...tasks(ids),
      receipt(await rig.carry(jws)),
      receipt(await rig.carry(late)),
    ])
    expect(await effectsOf(rig.database, 'again')).toMatchObject([{ state: 'CONFIRMED' }])
    const rows = await rig.database.query({
      text: `SELECT verdict FROM receipts WHERE jws = ANY($1) AND verdict LIKE 'ignored%'`,
      values: [[jws, late]],
    })
    expect(rows).toHaveLength(2)
  })

  it('believes no forged receipt, and no genuine one of another round', async () => {
    const { effect } = await granted('forged')
    const forged = await rig.carry(await rig.sign(receiptFor(effect), 'forger'))
    const garbage = await rig.carry('not.a.jws')
    const other = await rig.carry(await rig.sign(receiptFor(effect, { round: 2 })))
    await handleRings(rig.deps, [forged, garbage, other].map(receipt))
    expect(await effectsOf(rig.database, 'forged')).toMatchObject([{ state: 'GRANTED' }])
  })

  it('adopts the grant that holds a slot, unless it knows that round closed', async () => {
    const { effect } = await granted('adopt')
    const holder = newId()
    const claims = receiptFor(effect, { grant_id: holder, round: 3, provider_ref: 'held' })
    await handleRings(rig.deps, [receipt(await rig.carry(await rig.sign(claims)))])
    expect(await effectsOf(rig.database, 'adopt')).toMatchObject([
      { state: 'CONFIRMED', grant_id: holder, round: 3 },
    ])
    expect(await goalOf('adopt')).toMatchObject({ status: 'COMPLETED' })

    const { effect: first, ids } = await granted('adopt-closed')
    const voided = receiptFor(first, { state: 'VOID', code: 'GRANT_EXPIRED' })
    await handleRings(rig.deps, [receipt(await rig.carry(await rig.sign(voided)))])
    await new Promise((resolve) => setTimeout(resolve, 250))
    await handleRings(rig.deps, tasks(ids))
    const stale = receiptFor(first, { grant_id: newId(), round: 1, state: 'UNKNOWN' })
    await handleRings(rig.deps, [receipt(await rig.carry(await rig.sign(stale)))])
    expect(await effectsOf(rig.database, 'adopt-closed')).toMatchObject([
      { round: 1, state: 'EXPIRED' },
      { round: 2, state: 'GRANTED' },
    ])
  })

  it('grants no more at once than an account may have out', async () => {
    const slots = ['publish:1', 'publish:2', 'publish:3']
    const effects = slots.map((slot) => ({ effects: [tweetEffect(slot)] }))
    const ids = await plannedGoal(rig.database, { id: 'room', slots, tasks: effects })
    const [row] = await rig.database.query<{ n: number }>({
      text: `SELECT count(*)::int AS n FROM effects WHERE state = 'GRANTED'`,
    })
    await handleRings({ ...rig.deps, maxGranted: (row?.n ?? 0) + 2 }, tasks(ids))
    expect(await effectsOf(rig.database, 'room')).toHaveLength(2)
    expect((await phases('room')).toSorted()).toEqual(['granted', 'granted', 'judging'])
  })

  it('grants the next round after a cooldown, and spends no attempt on it', async () => {
    const { effect, ids } = await granted('cooldown')
    const voided = receiptFor(effect, {
      state: 'VOID',
      code: 'COOLDOWN_ACTIVE',
      retry_after_ms: 50,
    })
    await handleRings(rig.deps, [receipt(await rig.carry(await rig.sign(voided)))])
    expect(await phases('cooldown')).toEqual(['judging'])
    await new Promise((resolve) => setTimeout(resolve, 80))
    await handleRings(rig.deps, tasks(ids))
    expect(await effectsOf(rig.database, 'cooldown')).toMatchObject([
      { round: 1, state: 'EXPIRED' },
      { round: 2, state: 'GRANTED' },
    ])
    const [task] = await rig.database.query({
      text: 'SELECT attempt, rejections FROM tasks WHERE id = $1',
      values: ids,
    })
    expect(task).toMatchObject({ attempt: 1, rejections: 0 })
  })

  it('frees the children of a finished task and fails what depends on a failed one', async () => {
    const good = await plannedGoal(rig.database, { id: 'free', tasks: [{}, {}, { after: [0, 1] }] })
    await handleRings(rig.deps, tasks(good.slice(0, 1)))
    expect(await phases('free')).toEqual(['done', 'judging', 'blocked'])
    await handleRings(rig.deps, tasks(good.slice(1, 2)))
    expect(await phases('free')).toEqual(['done', 'done', 'ready'])

    const bad = await plannedGoal(rig.database, {
      id: 'fall',
      tasks: [{ effects: [tweetEffect()] }, { after: [0] }, { after: [1] }],
    })
    await handleRings(rig.deps, tasks(bad.slice(0, 1)))
    expect(await phases('fall')).toEqual(['denied', 'cancelled', 'cancelled'])
    expect(await goalOf('fall')).toMatchObject({
      status: 'FAILED',
      tasks_open: 0,
      failure: { code: 'SLOT_UNKNOWN' },
    })
  })

  it('grants nothing when a stop comes between reading and committing', async () => {
    const ids = await plannedGoal(rig.database, {
      id: 'stopped',
      slots: ['publish'],
      tasks: [{ effects: [tweetEffect()] }],
    })
    let stopped = false
    const late: Database = {
      ...rig.database,
      transaction: async (work, scope) => {
        if (!stopped) await raiseStop(rig.database, { scope: 'everything', actor: 'test' })
        stopped = true
        return rig.database.transaction(work, scope)
      },
    }
    await handleRings({ ...rig.deps, database: late }, tasks(ids))
    expect(await effectsOf(rig.database, 'stopped')).toEqual([])
    expect(await phases('stopped')).toEqual(['judging'])
    await rig.database.query({
      text: `UPDATE fences SET stopped = false, epoch = epoch + 1 WHERE scope = 'everything'`,
    })
  })
})

async function expectOneVerdictEach(n: number, judges: number): Promise<void> {
  const id = `race-${newId()}`
  const slots = Array.from({ length: n }, (_, index) => `publish:${index}`)
  const ids = await plannedGoal(rig.database, {
    id,
    slots,
    tasks: slots.map((slot) => ({ effects: [tweetEffect(slot)] })),
    maxCostUsd: 1_000,
  })
  await Promise.all(Array.from({ length: judges }, () => handleRings(rig.another(), tasks(ids))))
  const rows = await effectsOf(rig.database, id)
  expect(rows.map(({ slot }) => slot).toSorted()).toEqual(slots.toSorted())
  const audits = await rig.database.query<{ n: string }>({
    text: `SELECT count(*) AS n FROM audit_entries a, jsonb_array_elements(a.items) i
      WHERE i ->> 'id' = ANY($1) AND i ->> 'to' = 'granted'`,
    values: [ids],
  })
  expect(audits[0]?.n).toBe(String(n))
}

const RACED = sampleSize({ ci: 100, full: 2_000 })

guarantee(
  {
    id: 'one-verdict',
    title: 'Judges that race on the same tasks give one verdict each',
    n: RACED,
    seed: 1,
    timeoutMs: 60_000 + RACED * 300,
  },
  ({ n }) => expectOneVerdictEach(n, 4),
)

async function expectNoOverspend(rounds: number, open: () => JudgeRig['deps']): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const id = `budget-${newId()}`
    const slots = Array.from({ length: 20 }, (_, index) => `publish:${index}`)
    // Ten tweets of 15,000 micros fit exactly into 0.15 dollars.
    const ids = await plannedGoal(rig.database, {
      id,
      slots,
      maxCostUsd: 0.15,
      tasks: slots.map((slot) => ({ effects: [tweetEffect(slot)] })),
    })
    await Promise.all(ids.map((task) => handleRings(open(), tasks([task]))))
    const rows = await effectsOf(rig.database, id)
    expect(rows.filter(({ state }) => state === 'GRANTED')).toHaveLength(10)
    expect(rows.filter(({ code }) => code === 'BUDGET_EXHAUSTED')).toHaveLength(10)
  }
}

const CAPS = sampleSize({ ci: 3, full: 100 })

guarantee(
  {
    id: 'budget-cap',
    title: 'racing Judges reach the cap of a goal exactly and never pass it',
    n: CAPS,
    seed: 2,
    timeoutMs: 60_000 + CAPS * 15_000,
  },
  ({ n }) => {
    const judges = Array.from({ length: 5 }, () => rig.another())
    let turn = 0
    return expectNoOverspend(n, () => judges[(turn += 1) % judges.length] ?? rig.deps)
  },
)

control(
  {
    guard: 'the reservation in one statement',
    test: 'budget-cap',
    expect: /to have a length of 10/,
  },
  async () => {
    const careless: Database = {
      ...rig.database,
      transaction: (work, scope) =>
        rig.database.transaction(
          (tx) =>
            work({
              // Check-then-act: whoever looks first is told that there is room.
              query: (statement) => {
                const [requests] = statement.values ?? []
                if (statement.name === 'reserve-budgets') {
                  return tx.query({
                    text: `SELECT DISTINCT 'granted' AS kind, unnest($1::int[]) AS request`,
                    values: [requests],
                  })
                }
                const isRecord = statement.name === 'record-reservations'
                return tx.query(isRecord ? { text: 'SELECT 1 WHERE false' } : statement)
              },
            }),
          scope,
        ),
    }
    await expectNoOverspend(1, () => ({ ...rig.deps, database: careless }))
  },
)

describe('the record itself refuses', () => {
  it('to end a granted effect without the word of the ledger', async () => {
    const { effect } = await granted('guard-void')
    for (const state of ['EXPIRED', 'CANCELLED']) {
      await expect(
        rig.database.query({
          text: 'UPDATE effects SET state = $2, settled_at = now() WHERE id = $1',
          values: [effect.id, state],
        }),
      ).rejects.toThrow(/check constraint/)
    }
  })

  it('a second open round of a slot', async () => {
    const { effect } = await granted('guard-round')
    await expect(
      rig.database.query({
        text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round,
            effect_key,
            version_id, state, tool, account, mode, args, args_hash, provenance, grant_id, audit_id)
          SELECT $2, tenant_id, goal_id, task_id, attempt, slot, 2, effect_key, $2, state, tool,
            account, mode, args, args_hash, provenance, $2, audit_id FROM effects WHERE id = $1`,
        values: [effect.id, newId()],
      }),
    ).rejects.toThrow(/effects_one_open_round/)
  })

  it('one provider object as the proof of two effects', async () => {
    const [one, two] = [await granted('guard-ref-1'), await granted('guard-ref-2')]
    const ref = { provider_ref: 'the-same' }
    await handleRings(rig.deps, [
      receipt(await rig.carry(await rig.sign(receiptFor(one.effect, ref)))),
    ])
    const second = await rig.carry(await rig.sign(receiptFor(two.effect, ref)))
    await expect(handleRings(rig.deps, [receipt(second)])).rejects.toThrow(/one_provider_ref/)
    expect(await effectsOf(rig.database, 'guard-ref-2')).toMatchObject([{ state: 'GRANTED' }])
  })
})
