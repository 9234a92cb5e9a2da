/** What the three roles do with a batch: one SQL function for each move, no validation. */
import { hash, randomUUID } from 'node:crypto'

import type pg from 'pg'

import type { BareSettings } from './bare-settings.ts'

/** What a batch leads to: entries for the next role, and lines for the feed. */
type Moved = Readonly<{ next: readonly string[]; feed: readonly object[] }>

/** Takes the payloads of the entries as they were read. */
export type Move = (payloads: readonly string[]) => Promise<Moved>

type Goal = { id: string; text: string }
type Task = { task_id: string }
type Ring = { id: string }

// What the pipeline has written itself is taken for what it is.
const goalOf: (text: string) => Goal = JSON.parse
const taskOf: (text: string) => Task = JSON.parse
const ringOf: (text: string) => Ring = JSON.parse

const sha256 = (text: string): string => hash('sha256', text)

/** The product's own bytes for a task that does nothing. */
const PAYLOAD = JSON.stringify({ kind: 'noop', index: 0 })
const OUTCOME = JSON.stringify({
  outcome: 'result',
  result: { confidence: 1, artifacts: [], evidence: [], proposed_effects: [] },
})

const event = (subject: string, id: string, from: string | null, to: string): object => ({
  type: `${subject}.${to.toLowerCase()}`,
  [`${subject}_id`]: id,
  from,
  to,
  at: new Date().toISOString(),
})

type Doing = Readonly<{ client: pg.Client; pipeline: BareSettings['pipeline'] }>

export function planner({ client, pipeline }: Doing): Move {
  return async (payloads) => {
    const goals = payloads.map((text) => goalOf(text))
    const ids = goals.map(({ id }) => id)
    const contents = goals.map(({ text }) => JSON.stringify({ mode: 'paper', text }))
    const hashes = contents.map(sha256)
    const tasks = goals.map(() => randomUUID())
    const stored = goals.map(() => PAYLOAD)
    const plans = tasks.map((id) => sha256(`${id} ${PAYLOAD}`))
    await client.query({
      name: 'accept-planned',
      text: `SELECT ${pipeline}.accept_planned($1, $2, $3, $4, $5, $6)`,
      values: [ids, contents, hashes, tasks, stored, plans],
    })
    return {
      next: tasks.map((task_id, n) =>
        JSON.stringify({
          task_id,
          parent_goal_id: ids[n],
          type: 'RESEARCH',
          payload: { kind: 'noop', index: 0 },
          constraints: {},
          status: 'PENDING',
        }),
      ),
      feed: [
        ...ids.flatMap((id) => [
          event('goal', id, null, 'RECEIVED'),
          event('goal', id, 'RECEIVED', 'PLANNED'),
          event('goal', id, 'PLANNED', 'ACTIVE'),
        ]),
        ...tasks.map((id) => event('task', id, null, 'ready')),
      ],
    }
  }
}

type Claimed = { task_id: string; version: string; payload: object }

export function worker({ client, pipeline }: Doing): Move {
  return async (payloads) => {
    const { rows } = await client.query<Claimed>({
      name: 'claim',
      text: `SELECT * FROM ${pipeline}.claim($1)`,
      values: [payloads.map((text) => taskOf(text).task_id)],
    })
    const ids = rows.map(({ task_id }) => task_id)
    await client.query({
      name: 'finish',
      text: `SELECT ${pipeline}.finish($1, $2, $3, $4, $5)`,
      values: [
        ids,
        rows.map(({ version }) => version),
        rows.map(() => OUTCOME),
        rows.map(({ payload }) => sha256(JSON.stringify(payload))),
        rows.map(() => sha256(OUTCOME)),
      ],
    })
    return {
      next: ids.map((id) => JSON.stringify({ look_at: 'task', id })),
      feed: ids.flatMap((id) => [
        event('task', id, 'ready', 'running'),
        event('task', id, 'running', 'judging'),
      ]),
    }
  }
}

export function judge({ client, pipeline }: Doing): Move {
  return async (payloads) => {
    const { rows } = await client.query<{ task_id: string; goal: string }>({
      name: 'judge',
      text: `SELECT * FROM ${pipeline}.judge($1)`,
      values: [payloads.map((text) => ringOf(text).id)],
    })
    return {
      next: [],
      feed: rows.flatMap(({ task_id, goal }) => [
        event('task', task_id, 'judging', 'done'),
        event('goal', goal, 'ACTIVE', 'COMPLETED'),
      ]),
    }
  }
}
