/** Judges of different minds on the same tasks, and of one mind on the same words. */
import { newId } from '@chimera/contracts/ids'
import type { Database, Statement } from '@chimera/infra/database/open-database'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'
import { effectsOf, openJudgeRig, plannedGoal, tweetEffect, type JudgeRig } from './judge-rig.ts'

let rig: JudgeRig
let judges: readonly [JudgeDeps, JudgeDeps]
beforeAll(async () => {
  rig = await openJudgeRig()
  judges = [rig.another(), rig.another()]
})
afterAll(() => rig[Symbol.asyncDispose]())

const rings = (ids: readonly string[]) => ids.map((id) => ({ look_at: 'task' as const, id }))

/** The record, asked otherwise within transactions. */
const asking = (database: Database, change: (statement: Statement) => Statement): Database => ({
  ...database,
  transaction: (work, scope) =>
    database.transaction(
      (tx) => work({ query: (statement) => tx.query(change(statement)) }),
      scope,
    ),
})

/** The record as a Judge sees it who is sure of no result. */
function doubting(database: Database): Database {
  const query: Database['query'] = async (statement, scope) => {
    if (statement.name !== 'load-attempts') return database.query(statement, scope)
    const text = statement.text.replace(
      'r.outcome,',
      `jsonb_set(r.outcome, '{result,confidence}', '0.5') AS outcome,`,
    )
    return database.query({ ...statement, name: 'doubt-attempts', text }, scope)
  }
  return { ...database, query }
}

const TASKS_A_GOAL = 50
const CHUNKS_AT_ONCE = 4

/** Two Judges decide the same tasks at the same time, one for them and one against. */
async function expectOneWord(of: {
  rig: JudgeRig
  judges: readonly [JudgeDeps, JudgeDeps]
  n: number
  random: Random
}): Promise<void> {
  const [sure, other] = of.judges
  const doubtful = { ...other, database: doubting(other.database) }
  const verdicts = { done: 0, ready: 0 }
  for (let left = of.n; left > 0; left -= TASKS_A_GOAL) {
    const goalId = `minds-${newId()}`
    const tasks = Array.from({ length: Math.min(left, TASKS_A_GOAL) }, () => ({}))
    const ids = await plannedGoal(of.rig.database, { id: goalId, tasks })
    const chunks: string[][] = []
    for (let at = 0; at < ids.length;) {
      const size = of.random.integer(1, 5)
      chunks.push(ids.slice(at, at + size))
      at += size
    }
    const queue = chunks.values()
    const race = async (): Promise<void> => {
      for (const chunk of queue) {
        const both = of.random.shuffle([sure, doubtful])
        await Promise.all(both.map((judge) => handleRings(judge, rings(chunk))))
      }
    }
    await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, race))
    // Who lost looks again, and finds it decided.
    await handleRings(sure, rings(ids))
    const { done, ready } = await wordsOn(of.rig.database, goalId)
    verdicts.done += done
    verdicts.ready += ready
  }
  expect(verdicts.done + verdicts.ready).toBe(of.n)
  // Both have won.
  expect(Math.min(verdicts.done, verdicts.ready)).toBeGreaterThan(0)
}

/** How the tasks of a goal were decided; fails when a verdict is not in the row, or not alone. */
async function wordsOn(
  database: Database,
  goalId: string,
): Promise<{ done: number; ready: number }> {
  const rows = await database.query<{ phase: string; rejections: number; said: string[] }>({
    text: `SELECT t.phase, t.rejections, array(SELECT i ->> 'to' FROM audit_entries a,
        jsonb_array_elements(a.items) AS i
        WHERE i ->> 'id' = t.id::text AND i ->> 'from' = 'judging') AS said
      FROM tasks t WHERE t.goal_id = $1`,
    values: [goalId],
  })
  const lost = rows.filter(
    ({ phase, rejections, said }) =>
      said.length !== 1 || said[0] !== phase || rejections !== (phase === 'ready' ? 1 : 0),
  )
  expect(lost, 'lost updates').toEqual([])
  const [goal] = await database.query<{ tasks_open: number }>({
    text: 'SELECT tasks_open FROM goals WHERE id = $1',
    values: [goalId],
  })
  const ready = rows.filter(({ phase }) => phase === 'ready').length
  expect(goal?.tasks_open, 'tasks that the goal still has').toBe(ready)
  return { done: rows.length - ready, ready }
}

const RACES = sampleSize({ ci: 50, full: 10_000 })

guarantee(
  {
    id: 'conflicting-verdicts',
    title: 'of Judges of different minds one decides a task, and no update is lost',
    n: RACES,
    seed: 41,
    timeoutMs: 120_000 + RACES * 200,
  },
  ({ n, random }) => expectOneWord({ rig, judges, n, random }),
)

control(
  {
    guard: 'the version in the compare-and-set of a verdict',
    test: 'conflicting-verdicts',
    expect: /lost updates/,
    timeoutMs: 120_000,
  },
  async () => {
    await using own = await openJudgeRig()
    await own.database.query({ text: 'ALTER TABLE tasks DISABLE TRIGGER tasks_end_is_final' })
    const careless = (statement: Statement): Statement =>
      statement.name === 'move-tasks'
        ? {
            ...statement,
            name: 'move-carelessly',
            text: statement.text.replace('AND t.version_id = u.version_id', ''),
          }
        : statement
    const open = (): JudgeDeps => {
      const judge = own.another()
      return { ...judge, database: asking(judge.database, careless) }
    }
    await expectOneWord({ rig: own, judges: [open(), open()], n: 50, random: seeded(41) })
  },
)

control(
  {
    guard: 'the look whether all have moved that were taken to be there',
    test: 'conflicting-verdicts',
    expect: /lost updates|tasks that the goal still has/,
    timeoutMs: 120_000,
  },
  async () => {
    await using own = await openJudgeRig()
    const trusting = (statement: Statement): Statement =>
      statement.name === 'move-tasks'
        ? {
            ...statement,
            name: 'move-trustingly',
            text: `WITH moved AS (${statement.text})
              SELECT id, 'RESEARCH' AS type FROM unnest($1::uuid[]) AS u(id)`,
          }
        : statement
    const open = (): JudgeDeps => {
      const judge = own.another()
      return { ...judge, database: asking(judge.database, trusting) }
    }
    await expectOneWord({ rig: own, judges: [open(), open()], n: 50, random: seeded(41) })
  },
)

/** A goal that asks for a tweet of these words; answers its task. */
async function asksFor(goalId: string, words: string): Promise<string> {
  const { args, provenance, ...effect } = tweetEffect()
  const span: [number, number] = [17, 17 + words.length]
  const said = {
    ...effect,
    args: { ...args, text: words },
    provenance: { ...provenance, '/text': { source: 'goal' as const, path: '/text', span } },
  }
  const [task = ''] = await plannedGoal(rig.database, {
    id: goalId,
    text: `publish a tweet: ${words}`,
    slots: ['publish'],
    tasks: [{ effects: [said] }],
  })
  return task
}

const WEEK = 7

/** Two goals want the same words posted at the same time: a person is asked for one of them. */
async function expectOneVoice(of: {
  judges: readonly [JudgeDeps, JudgeDeps]
  n: number
  random: Random
}): Promise<void> {
  const [left, right] = of.judges.map((judge) => ({ ...judge, repeatDays: WEEK }))
  if (left === undefined || right === undefined) throw new Error('two Judges are needed')
  const rounds: string[][] = []
  for (let round = 0; round < of.n; round += 1) {
    const goals = [`voice-${newId()}`, `voice-${newId()}`]
    const words = `the words of round ${round} of ${newId()}`
    const ids = await Promise.all(goals.map((goalId) => asksFor(goalId, words)))
    // Each has one of the tasks, or each is rung for both.
    const isApart = of.random.fraction() < 0.7
    await Promise.all([
      handleRings(left, rings(isApart ? ids.slice(0, 1) : ids)),
      handleRings(right, rings(isApart ? ids.slice(1) : ids.toReversed())),
    ])
    const states = await Promise.all(goals.map(async (id) => effectsOf(rig.database, id)))
    rounds.push(
      states
        .flat()
        .map(({ state }) => state)
        .toSorted(),
    )
  }
  expect(rounds).toEqual(rounds.map(() => ['AWAITING_APPROVAL', 'GRANTED']))
}

const VOICES = sampleSize({ ci: 8, full: 1_000 })

guarantee(
  {
    id: 'one-voice',
    title: 'racing Judges do not both let an account say the same',
    n: VOICES,
    seed: 43,
    timeoutMs: 120_000 + VOICES * 1_000,
  },
  ({ n, random }) => expectOneVoice({ judges, n, random }),
)

control(
  {
    guard: 'the look at what was said in the granting transaction',
    test: 'one-voice',
    expect: /to deeply equal/,
    timeoutMs: 120_000,
  },
  () => {
    const blind = ({ name, ...statement }: Statement): Statement => {
      if (name === 'hold-words') return { text: 'SELECT 1 WHERE false' }
      if (name !== 'scene-repeats') return name === undefined ? statement : { name, ...statement }
      return { ...statement, text: `${statement.text} WHERE false` }
    }
    const [left, right] = judges.map((judge) => ({
      ...judge,
      database: asking(judge.database, blind),
    }))
    if (left === undefined || right === undefined) throw new Error('two Judges are needed')
    return expectOneVoice({ judges: [left, right], n: 15, random: seeded(43) })
  },
)

test('of one batch that says the same thrice one goes out', async () => {
  const goals = Array.from({ length: 3 }, () => `batch-${newId()}`)
  const words = `words of a batch ${newId()}`
  const ids = await Promise.all(goals.map((goalId) => asksFor(goalId, words)))
  await handleRings({ ...judges[0], repeatDays: WEEK }, rings(ids))
  const rows = await Promise.all(goals.map(async (id) => effectsOf(rig.database, id)))
  const asked = ['AWAITING_APPROVAL', 'AWAITING_APPROVAL', 'GRANTED']
  expect(
    rows
      .flat()
      .map(({ state }) => state)
      .toSorted(),
  ).toEqual(asked)
})
