/** A Judge that asks a model: a real record and budget, and a model that says what it is told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Opinion } from '@chimera/contracts/judging/opinion'
import { ResultRing } from '@chimera/contracts/judging/rings'
import type { Verdict } from '@chimera/contracts/judging/verdict'
import type { TaskResult } from '@chimera/contracts/task-result'
import type { Database } from '@chimera/infra/database/open-database'
import { openModelBudget } from '@chimera/infra/llm/model-budget'
import { openModel } from '@chimera/infra/llm/open-model'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'
import { openOpinionDesk, type OpinionDesk } from '@chimera/judge/opinions/opinion-desk'
import { afterAll, beforeAll, beforeEach } from 'vitest'

import { type ModelProcess, startModel } from '../../models/model-process.ts'
import { judgeOfFile, plannedGoal, tweetEffect } from '../judge-rig.ts'

/** A judge with a desk of its own. */
export type AskingJudge = AsyncDisposable &
  Readonly<{
    deps: JudgeDeps
    desk: OpinionDesk
    /** Judges, lets the model answer, and judges what was rung for, until nothing is. */
    judge: (ids: readonly string[]) => Promise<void>
  }>

export type OpinionRig = Readonly<{
  database: Database
  model: ModelProcess
  /** Questions for opinions that the model was asked since the test began. */
  questions: () => string[]
  asking: (over?: AskingOver) => AskingJudge
  /** A Judge without any model. */
  plain: () => JudgeDeps
}>
type AskingOver = Readonly<{
  deps?: (deps: JudgeDeps, desk: OpinionDesk) => Partial<JudgeDeps>
  /** The desk's way to the record. */
  database?: (database: Database) => Database
  timeoutMs?: number
  usdPerMillion?: string
}>

/** The rig of one test file, to be asked for at its top. */
export function opinionsOfFile(): OpinionRig {
  const rig = judgeOfFile()
  let model: ModelProcess | undefined
  let folder = ''
  let before = 0
  const open = (): ModelProcess => {
    if (model === undefined) throw new Error('The model of this file is not open yet.')
    return model
  }
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'opinions-'))
    model = await startModel({ mind: 'obedient', recordPath: join(folder, 'calls.jsonl') })
  })
  beforeEach(async () => {
    await open().tell({ fault: 'none' })
    before = open().calls().length
  })
  afterAll(async () => {
    await model?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  return {
    get database() {
      return rig.database
    },
    get model() {
      return open()
    },
    questions: () =>
      open()
        .calls()
        .slice(before)
        .map(({ body }) => JSON.stringify(body)),
    plain: () => rig.another(),
    asking: (over = {}) => openAsking(open().url, rig.another(), over),
  }
}

function openAsking(url: string, judge: JudgeDeps, over: AskingOver): AskingJudge {
  const rung: ResultRing[] = []
  const publisher: JudgeDeps['publisher'] = {
    publish: async (batch) => {
      for (const { stream, payload } of batch) {
        if (stream === 'chimera:results') rung.push(ResultRing.parse(payload))
      }
      await judge.publisher.publish(batch)
    },
  }
  const { database, actor, log } = judge
  const { timeoutMs = 10_000, usdPerMillion = '0' } = over
  const model = openModel(
    {
      LLM_BASE_URL: url,
      LLM_MODEL: 'obedient',
      LLM_TIMEOUT_MS: timeoutMs,
      LLM_INPUT_USD_PER_MILLION: usdPerMillion,
      LLM_OUTPUT_USD_PER_MILLION: usdPerMillion,
    },
    openModelBudget({ database, actor }),
  )
  if (model === undefined) throw new Error('There is a model.')
  const own = over.database?.(database) ?? database
  const desk = openOpinionDesk({ database: own, publisher, model, actor, log })
  const composed: JudgeDeps = { ...judge, publisher, opinions: desk }
  const deps = { ...composed, ...over.deps?.(composed, desk) }
  return {
    deps,
    desk,
    judge: async (ids) => {
      rung.push(...ids.map((id) => ({ look_at: 'task', id }) as const))
      while (rung.length > 0) {
        await handleRings(deps, rung.splice(0))
        await desk.idle()
      }
    },
    [Symbol.asyncDispose]: () => desk[Symbol.asyncDispose](),
  }
}

/** Words that no rule understands: a model has planned the goal. */
export const IN_OTHER_WORDS = 'Write a tweet about the launch'

/** What a Worker's model wrote; `read` had stood in its prompt besides the owner's words. */
export function writtenTweet(
  text: string,
  read?: string,
): { effects: ProposedEffect[]; result: Partial<TaskResult> } {
  const { args, provenance, ...effect } = tweetEffect()
  const reading = { id: 'r1', tool: 'get_mentions', args: {}, value: [{ id: '1', text: read }] }
  const pointer = { source: 'tool', tool: 'get_mentions', result_id: 'r1', path: '' } as const
  const isRead = read !== undefined
  return {
    effects: [
      {
        ...effect,
        args: { ...args, text },
        provenance: { ...provenance, '/text': { source: 'model', call_id: 'm1', path: '/text' } },
      },
    ],
    result: {
      readings: isRead ? [reading] : [],
      model_calls: [
        {
          id: 'm1',
          model: 'worker',
          prompt_hash: '0'.repeat(64),
          sources: [{ source: 'goal', path: '/text' }, ...(isRead ? [pointer] : [])],
          output: { text },
        },
      ],
    },
  }
}

/** A goal of one tweet that a model wrote; its task. */
export async function written(
  { database }: OpinionRig,
  id: string,
  of: {
    text?: string
    read?: string
    slot?: string
    confidence?: number
    maxCostUsd?: number
  } = {},
): Promise<string> {
  const { text = `Today: ${id}.`, read, slot = 'publish', confidence = 1, maxCostUsd } = of
  const task = { ...writtenTweet(text, read), confidence }
  const [taskId = ''] = await plannedGoal(database, {
    id,
    text: IN_OTHER_WORDS,
    slots: [slot],
    tasks: [task],
    ...(maxCostUsd === undefined ? {} : { maxCostUsd }),
  })
  return taskId
}

/** What the model says next, whatever it is asked. */
export const saying = (over: Partial<Opinion>) => {
  const opinion: Opinion = { says: 'approve', quality: 1, faults: [], reason: 'Fine.', ...over }
  return { text: JSON.stringify(opinion) }
}

export type JudgedTask = {
  phase: string
  verdict: Verdict | null
  feedback: string | null
  failure: { code: string; message: string } | null
  rejections: number
  waiting_on: { reason: string } | null
  effects: string[]
}

/** Where a task stands, with the states of its effects. */
export async function taskOf({ database }: OpinionRig, id: string): Promise<JudgedTask> {
  const [task] = await database.query<JudgedTask>({
    text: `SELECT phase, verdict, feedback, failure, rejections, waiting_on,
        ARRAY(SELECT state FROM effects e WHERE e.task_id = t.id ORDER BY round) AS effects
      FROM tasks t WHERE id = $1`,
    values: [id],
  })
  if (task === undefined) throw new Error(`There is no task ${id}.`)
  return task
}

/** The vote of the opinion, where there is one. */
export const voteOf = ({ verdict }: JudgedTask) =>
  verdict?.votes.find(({ gate }) => gate === 'opinion')

/** The time that a question is waited for is over, as if it had passed. */
export async function overdue({ database }: OpinionRig, taskId: string): Promise<void> {
  for (const text of [
    `UPDATE opinions SET asked_until = now() - interval '1 second' WHERE task_id = $1`,
    'UPDATE tasks SET run_at = now(), version_id = new_version() WHERE id = $1',
  ]) {
    await database.query({ text, values: [taskId] })
  }
}
