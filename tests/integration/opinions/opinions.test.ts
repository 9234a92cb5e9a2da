/** A model's opinion on what models made: it adds a demand or none, and no other waits for it. */
import { setTimeout as delay } from 'node:timers/promises'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Gate } from '@chimera/domain/judging/gates/gate'
import { ALL_GATES, GATES } from '@chimera/domain/judging/gates/gates'
import { readTaskViews } from '@chimera/infra/database/views/task-view'
import { handleRings } from '@chimera/judge/handle-rings'
import { describe, expect, test } from 'vitest'

import { seenThrough } from '../../faults/model/without.ts'
import { control, guarantee } from '../../guarantee.ts'
import { plannedGoal, tweetEffect } from '../judge-rig.ts'
import { type AskingJudge, opinionsOfFile, saying, taskOf, voteOf, written } from './opinion-rig.ts'

const rig = opinionsOfFile()
type Asking = Parameters<typeof rig.asking>[0]

const rings = (ids: readonly string[]) => ids.map((id) => ({ look_at: 'task', id }) as const)

/** Results on which the rules say different things, all made by models. */
async function allKinds(name: string): Promise<string[]> {
  const strange = { read: 'Is it out?' }
  const of = [{}, strange, { slot: 'other' }, { confidence: 0.8 }, { confidence: 0.5 }]
  const topics = { text: 'Go and vote in the election on Sunday.' }
  const ids: string[] = []
  for (const [at, one] of [...of, topics, { text: 'I am a real human.' }].entries()) {
    ids.push(await written(rig, `${name}-${at}`, one))
  }
  return ids
}

const outcomesOf = async (ids: readonly string[]) => {
  const tasks = await Promise.all(ids.map((id) => taskOf(rig, id)))
  return tasks.map(
    ({ phase, verdict, effects }) => `${phase} ${verdict?.verdict} ${effects.join()}`,
  )
}

/** Every model that praises, and says so of itself: nothing is different from the rules' word. */
async function expectPraiseIsNothing(over: Asking): Promise<void> {
  const name = newId()
  const [byRules, praised] = [await allKinds(`rules-${name}`), await allKinds(`praised-${name}`)]
  await handleRings(rig.plain(), rings(byRules))
  await using asking = rig.asking(over)
  // Its own mind: it approves of everything, with the best score that there is.
  await asking.judge(praised)
  expect(rig.questions().length).toBeGreaterThanOrEqual(3)
  const expected = await outcomesOf(byRules)
  expect(new Set(expected.map((told) => told.split(' ', 1)[0])).size).toBeGreaterThanOrEqual(4)
  expect(await outcomesOf(praised)).toEqual(expected)
}

/** A house in which praise counts: no gate asks for a person beside it. */
const heedPraise = (gates: readonly Gate[]): Gate[] =>
  gates.map((gate) => (input) => {
    const { opinion } = input.scene
    const isPraised = opinion !== undefined && 'opinion' in opinion
    return gate(input).filter(({ vote }) => !isPraised || vote !== 'needs_person')
  })

const PRAISE = { id: 'opinion-grants-nothing', title: 'praise of a model grants nothing' }
guarantee({ ...PRAISE, n: 7, seed: 0 }, () => expectPraiseIsNothing({}))
control(
  { guard: 'gates that heed no praise', test: PRAISE.id, expect: /to (?:deeply )?equal/ },
  () => expectPraiseIsNothing({ deps: () => ({ gates: heedPraise(ALL_GATES) }) }),
)

/** What a model has against it is heard: done again, or brought before a person. */
async function expectHeard(over: Asking): Promise<void> {
  await using asking = rig.asking(over)
  const judged = async (opinion: Parameters<typeof saying>[0]) => {
    const id = await written(rig, `heard-${newId()}`)
    await rig.model.tell({ say: [saying(opinion)] })
    await asking.judge([id])
    return taskOf(rig, id)
  }
  const faults = ['not_supported' as const]
  const rejected = await judged({ says: 'reject', faults, quality: 0.2 })
  expect(rejected).toMatchObject({ phase: 'ready', rejections: 1, effects: [] })
  expect(rejected.feedback).toContain('It states what nothing that was read supports.')
  expect(voteOf(rejected)).toMatchObject({ vote: 'reject', code: 'OPINION' })
  const asked = await judged({ says: 'ask_person', faults })
  expect(asked).toMatchObject({ phase: 'awaiting_approval', effects: ['AWAITING_APPROVAL'] })
  // Praise beside a score that is none.
  expect(await judged({ quality: 0.3 })).toMatchObject({ phase: 'awaiting_approval' })
}

const HEARD = { id: 'opinion-is-heard', title: 'what a model has against it adds a demand' }
guarantee({ ...HEARD, n: 3, seed: 0 }, () => expectHeard({}))
control({ guard: 'the gate of opinions', test: HEARD.id, expect: /to match object/ }, () =>
  expectHeard({ deps: () => ({ gates: ALL_GATES.filter((one) => one !== GATES.opinion) }) }),
)

const DEAD = [
  { fault: '503', code: 'MODEL_UNAVAILABLE' },
  { fault: '401', code: 'MODEL_UNAUTHORIZED' },
  { fault: '429', code: 'MODEL_RATE_LIMITED' },
  { fault: 'filtered', code: 'MODEL_REFUSED' },
  { fault: 'hang', code: 'MODEL_UNAVAILABLE' },
  { fault: 'cut', code: 'MODEL_UNAVAILABLE' },
  { fault: 'bad_json', code: 'MODEL_OUTPUT_INVALID', times: 2 },
] as const

/** With a model that is of no use the rules decide as they do without any. */
async function expectRulesDecide(over: Asking): Promise<void> {
  for (const { fault, code, ...of } of DEAD) {
    await using asking = rig.asking({ timeoutMs: 900, ...over })
    const id = await written(rig, `dead-${newId()}`)
    await rig.model.tell({ fault, ...of })
    await asking.judge([id])
    const task = await taskOf(rig, id)
    expect(task, fault).toMatchObject({ phase: 'granted', effects: ['GRANTED'] })
    expect(voteOf(task), fault).toMatchObject({ vote: 'allow', code: 'OPINION_MISSING' })
    expect(voteOf(task)?.reason, fault).toContain(code)
  }
}

const RULES = { id: 'opinion-missing-rules-decide', title: 'without an opinion the rules decide' }
guarantee({ ...RULES, n: DEAD.length, seed: 0 }, () => expectRulesDecide({}))
control({ guard: 'the written word that none came', test: RULES.id, expect: /granted/ }, () =>
  expectRulesDecide({
    deps: (_deps, { take }) => ({
      opinions: { take: (asks) => take(asks.map((ask) => ({ ...ask, asked: 2 }))) },
    }),
  }),
)

describe('a question', () => {
  test('is paid by its goal, and not sent when the goal cannot pay', async () => {
    await using asking = rig.asking({ usdPerMillion: '1000' })
    const poor = await written(rig, 'poor', { maxCostUsd: 0.02 })
    await asking.judge([poor])
    expect(voteOf(await taskOf(rig, poor))?.reason).toContain('BUDGET_EXHAUSTED')
    expect(await taskOf(rig, poor)).toMatchObject({ phase: 'granted' })
    expect(rig.questions()).toEqual([])
  })

  test('is repaired once where the answer contradicts itself', async () => {
    await using asking = rig.asking()
    const id = await written(rig, 'repaired')
    const faults = ['unclear' as const]
    await rig.model.tell({ say: [saying({ faults }), saying({ says: 'ask_person', faults })] })
    await asking.judge([id])
    expect(rig.questions()).toHaveLength(2)
    expect(rig.questions()[1]).toContain('approve goes with no faults.')
    expect(await taskOf(rig, id)).toMatchObject({ phase: 'awaiting_approval' })
  })

  test('is asked of nothing that rules alone have made, nor of what they refuse', async () => {
    await using asking = rig.asking()
    const own = { id: 'by-rules', slots: ['publish'], tasks: [{ effects: [tweetEffect()] }] }
    const ids = await plannedGoal(rig.database, own)
    const denied = await written(rig, 'refused', { slot: 'other' })
    await asking.judge([...ids, denied])
    expect(rig.questions()).toEqual([])
    expect(await taskOf(rig, ids[0] ?? '')).toMatchObject({ phase: 'granted' })
    expect(await taskOf(rig, denied)).toMatchObject({ phase: 'denied' })
  })

  test('about the owner’s words in a plan of a model goes to a person, never back', async () => {
    await using asking = rig.asking()
    const text = 'Kindly tell them: hello world'
    const { provenance, ...effect } = tweetEffect()
    const quoted = { source: 'goal', path: '/text', span: [18, 29] as [number, number] } as const
    const effects = [{ ...effect, provenance: { ...provenance, '/text': quoted } }]
    const planned = { id: 'planned', text, slots: ['publish'], tasks: [{ effects }] }
    const [id = ''] = await plannedGoal(rig.database, planned)
    await rig.model.tell({ say: [saying({ says: 'reject', faults: ['not_what_was_asked'] })] })
    await asking.judge([id])
    expect(await taskOf(rig, id)).toMatchObject({ phase: 'awaiting_approval', rejections: 0 })
  })

  test('costs no statement without a model, nor for what rules have made', async () => {
    const names: (string | undefined)[] = []
    const listening = ({ database }: AskingJudge['deps']) => ({
      database: seenThrough(database, {
        ask: (statement) => {
          names.push(statement.name)
          return statement
        },
      }),
    })
    const ofOpinions = () => names.filter((name) => name?.includes('opinion'))
    const plain = rig.plain()
    await handleRings({ ...plain, ...listening(plain) }, rings([await written(rig, 'no-model')]))
    await using asking = rig.asking({ deps: listening })
    const own = { id: 'by-rules-too', slots: ['publish'], tasks: [{ effects: [tweetEffect()] }] }
    await asking.judge(await plannedGoal(rig.database, own))
    expect(names).toContain('move-tasks')
    expect(ofOpinions()).toEqual([])
    await asking.judge([await written(rig, 'with-model')])
    expect(ofOpinions()).toEqual(['load-opinions', 'claim-opinions', 'load-opinions'])
  })

  test('and its answer stand in the record, for people to see', async () => {
    await using asking = rig.asking()
    const id = await written(rig, 'shown')
    await rig.model.tell({ say: [saying({ quality: 0.93, reason: 'Says\u0000 it well.' })] })
    await asking.judge([id])
    const [task] = await readTaskViews(rig.database, { tenantId: DEFAULT_TENANT, taskId: id })
    expect(task?.attempts[0]?.opinion).toMatchObject({
      asked: 1,
      model: expect.stringContaining('obedient'),
      opinion: { says: 'approve', quality: 0.93, reason: 'Says  it well.' },
      failure: null,
    })
    const [entry] = await rig.database.query<{ items: { note?: string }[] }>({
      text: `SELECT a.items FROM audit_entries a JOIN opinions o ON o.audit_id = a.id
        WHERE o.task_id = $1`,
      values: [id],
    })
    expect(entry?.items[0]?.note).toMatch(/^opinion of .*: approve, quality 0.93$/)
    const change = { text: `UPDATE opinions SET answer = '{}' WHERE task_id = $1`, values: [id] }
    await expect(rig.database.query(change)).rejects.toThrow(/never changed/)
  })
})

/** A batch is judged whole while a model thinks about one of its tasks. */
async function expectNobodyWaits(over: Asking): Promise<void> {
  await using asking = rig.asking({ timeoutMs: 3_000, ...over })
  const slow = await written(rig, `slow-${newId()}`)
  const own = { id: `quick-${newId()}`, slots: ['publish'], tasks: [{ effects: [tweetEffect()] }] }
  const quick = await plannedGoal(rig.database, own)
  await rig.model.tell({ fault: 'hang' })
  const judged = handleRings(asking.deps, rings([slow, ...quick])).then(() => 'judged')
  const first = await Promise.race([judged, answered(asking.desk)])
  await judged
  expect(first).toBe('judged')
  expect(await taskOf(rig, quick[0] ?? '')).toMatchObject({ phase: 'granted' })
  expect(await taskOf(rig, slow)).toMatchObject({
    phase: 'judging',
    waiting_on: { reason: 'the opinion of a model' },
  })
}

/** Once a question was under way and is not any more. */
async function answered(desk: AskingJudge['desk']): Promise<string> {
  while (rig.questions().length === 0) await delay(10)
  await desk.idle()
  return 'answered'
}

const BESIDE = { id: 'opinion-beside-batches', title: 'no batch waits for a model', n: 1, seed: 0 }
guarantee(BESIDE, () => expectNobodyWaits({}))
control({ guard: 'asking beside the batch', test: BESIDE.id, expect: /judged/ }, () =>
  expectNobodyWaits({
    deps: ({ publisher }, { idle }) => ({
      publisher: { publish: (batch) => idle().then(() => publisher.publish(batch)) },
    }),
  }),
)
