/** What tests of faults need beside the stack: its record, and questions to ask of it. */
import { setTimeout as sleep } from 'node:timers/promises'

import { GoalPosted } from '@chimera/contracts/observable'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { eventually, openStackRig, type StackRig } from '../e2e/stack-rig.ts'

export type FaultRig = AsyncDisposable &
  Readonly<{
    rig: StackRig
    record: Database
  }>

/** Short times: a fault that is waited out in production takes 15 minutes. */
export const SHORT = {
  LEASE_MS: '2000',
  TWEET_COOLDOWN_MS: '200',
  TWEET_ABSENCE_MS: '1500',
  TWEET_SEND_TIMEOUT_MS: '1000',
}

/** Starts a stack and opens its record; ready when its tool server is open. */
export async function openFaultRig(env: Record<string, string> = {}): Promise<FaultRig> {
  await using stack = new AsyncDisposableStack()
  const rig = stack.use(await openStackRig({ env: { ...SHORT, ...env } }))
  const { urls } = await rig.report()
  const log = openLog({ name: 'test', level: 'silent' })
  const url = urls.postgres
  const record = stack.use(openDatabase({ url, name: 'test', log, max: 2 }))
  const opened = async () => {
    const [row] = await record.query<{ open: number }>({
      text: `SELECT count(*)::int AS open FROM tool_accounts WHERE state = 'open'`,
    })
    return row?.open === 1 ? true : undefined
  }
  await eventually(opened, 30_000, 'the tool server opens')
  const open = stack.move()
  return { rig, record, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** Ten at a time: the gateway answers each when it is committed. */
const AT_ONCE = 10

/** Posts goals over HTTP and answers the status that each was accepted with. */
export async function postGoals(
  { rig }: FaultRig,
  goals: readonly object[],
): Promise<Map<string, string>> {
  const posted = new Map<string, string>()
  const queue = goals.values()
  const post = async (): Promise<void> => {
    for (const body of queue) {
      const answer = await accepted(rig, body)
      posted.set(answer.id, answer.status)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, post))
  return posted
}

/** A client that is told to wait waits; whoever gets no answer asks again. */
async function accepted(rig: StackRig, body: object): Promise<GoalPosted> {
  for (;;) {
    const answer = await rig.api('/v1/goals', { method: 'POST', body })
    const text = await answer.text()
    if (answer.ok) return GoalPosted.parse(JSON.parse(text))
    if (answer.status !== 429 && answer.status !== 503) throw new Error(`${answer.status} ${text}`)
    await sleep(100)
  }
}

/** How many goals of the prefix are in each status. */
export async function goalCounts(
  { record }: FaultRig,
  prefix: string,
): Promise<Record<string, number>> {
  const rows = await record.query<{ status: string; n: number }>({
    text: `SELECT status, count(*)::int AS n FROM goals WHERE starts_with(id, $1) GROUP BY status`,
    values: [prefix],
  })
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
}

/** Waits until all goals of the prefix are COMPLETED. */
export async function allCompleted(
  of: FaultRig,
  { prefix, n, withinMs }: { prefix: string; n: number; withinMs: number },
): Promise<void> {
  let seen: Record<string, number> = {}
  const check = async () => {
    seen = await goalCounts(of, prefix)
    return seen['COMPLETED'] === n ? true : undefined
  }
  await eventually(check, withinMs, `${n} goals ${prefix}* complete`).catch((cause: unknown) => {
    throw new Error(`${String(cause)}; seen: ${JSON.stringify(seen)}`, { cause })
  })
}

/** How often tasks of the prefix's goals were moved to `done`: times -> how many tasks. */
export async function completions(
  { record }: FaultRig,
  prefix: string,
): Promise<Record<string, number>> {
  const rows = await record.query<{ times: number; tasks: number }>({
    // Counted before it is joined: nobody has analysed these tables, and a nested loop over the
    // items of every entry takes half a minute.
    text: `WITH done AS MATERIALIZED (
        SELECT (item ->> 'id')::uuid AS task_id, count(*)::int AS times
        FROM audit_entries, jsonb_array_elements(items) AS item
        WHERE item ->> 'subject' = 'task' AND item ->> 'to' IN ('done', 'COMPLETED')
        GROUP BY 1
      )
      SELECT coalesce(done.times, 0) AS times, count(*)::int AS tasks
      FROM tasks t LEFT JOIN done ON done.task_id = t.id
      WHERE starts_with(t.goal_id, $1) GROUP BY 1`,
    values: [prefix],
  })
  return Object.fromEntries(rows.map(({ times, tasks }) => [String(times), tasks]))
}

export type Letter = Readonly<{ stream: string; entry_id: string; code: string; reason: string }>

export async function readLetters({ record }: FaultRig): Promise<Letter[]> {
  return record.query<Letter>({
    text: 'SELECT stream, entry_id, code, reason FROM dead_letters ORDER BY created_at, entry_id',
  })
}

/** The letter of one entry, once it is there. */
export const letterOf = (of: FaultRig, entryId: string, withinMs = 20_000): Promise<Letter> =>
  eventually(
    async () => (await readLetters(of)).find((letter) => letter.entry_id === entryId),
    withinMs,
    `a dead letter for ${entryId}`,
  )

const Restarted = z.record(z.string(), z.number())

/** Restarts of roles, and the process ids of what has none in the status. */
export async function lives({ rig }: FaultRig): Promise<Record<string, number>> {
  const { roles, tools, simulated } = await rig.report()
  return Restarted.parse({
    ...Object.fromEntries(roles.map(({ name, restarts }) => [name, restarts])),
    ...Object.fromEntries([...tools, ...simulated].map(({ name, pid }) => [`${name}.pid`, pid])),
  })
}

/** XADD of raw fields; answers the entry's id. */
export async function xadd(
  { rig }: FaultRig,
  stream: string,
  ...fields: (string | Buffer)[]
): Promise<string> {
  return String(await (await rig.redis()).call('XADD', stream, '*', ...fields))
}

/** Waits until a group has nothing left to read or to acknowledge on any of its streams. */
export async function drained({ rig }: FaultRig, withinMs = 30_000): Promise<void> {
  const check = async () => {
    const { streams } = await rig.status()
    return streams.every(({ lag, pending }) => lag === 0 && pending === 0) ? true : undefined
  }
  await eventually(check, withinMs, 'all streams are read and acknowledged')
}

/** What no fault may leave behind: a reservation without an open effect, or one that is wrong. */
export async function budgets(
  { record }: FaultRig,
  goalId: string,
): Promise<{ reserved: string; spent: string } | undefined> {
  const [row] = await record.query<{ reserved: string; spent: string }>({
    text: `SELECT reserved::float8::text AS reserved, spent::float8::text AS spent FROM budgets
      WHERE scope = 'goal' AND scope_id = $1`,
    values: [goalId],
  })
  return row
}
