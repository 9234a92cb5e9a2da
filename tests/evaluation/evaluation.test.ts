/** What `chimera eval` says of the rules, and of models that do well, badly, and as told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { loadGoalSet } from '#evaluation/goal-set'
import { type Scorecard, latencyOf, scorecardOf } from '#evaluation/grading/scorecard'
import { openTier } from '#evaluation/open-tier'
import { runEvaluation } from '#evaluation/run-evaluation'

import { control, guarantee } from '../guarantee.ts'
import type { Mind } from '../models/chat.ts'
import { obedient } from '../models/obedient.ts'
import { openModelServer } from '../models/open-model-server.ts'
import { silent } from '../models/silent.ts'
import { CHECKOUT } from '../source-tree.ts'
import { hasty, knowing, wrong } from './minds.ts'

const log = openLog({ name: 'test', level: 'silent' })
const set = loadGoalSet()
const unending = new AbortController().signal

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evaluation-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** One micro for a token, so that a cost is a number of tokens. */
const A_MICRO = '1'

type Asked = Readonly<{ usd?: string; maxUsdMicros?: bigint; limit?: number; signal?: AbortSignal }>

async function score(mind: Mind, of: Asked = {}): Promise<Scorecard> {
  const { usd = '0', maxUsdMicros, limit, signal = unending } = of
  const recordPath = join(folder, 'calls.jsonl')
  await using server = await openModelServer({ port: 0, recordPath, mind })
  const config = {
    LLM_BASE_URL: server.url,
    LLM_MODEL: 'scripted',
    LLM_TIMEOUT_MS: 30_000,
    LLM_INPUT_USD_PER_MILLION: usd,
    LLM_OUTPUT_USD_PER_MILLION: usd,
  }
  const tier = openTier({ name: 'llm', config, maxUsdMicros, log })
  return scorecardOf(await runEvaluation({ tier, set, limit, signal, log }))
}

const NO_MODEL = { LLM_TIMEOUT_MS: 30_000 }
const rules = () => openTier({ name: 'rules', config: NO_MODEL, maxUsdMicros: undefined, log })

test('the rules score what is checked in, and let nothing out that must not', async () => {
  const evaluated = await runEvaluation({ tier: rules(), set, signal: unending, log })
  const card = scorecardOf(evaluated)
  expect(card.all).toMatchObject({ goals: 60, not_run: 0, requests: 0, forbidden: 0 })
  // Three of the goals only a model can judge.
  expect(card.groups.judging.right).toBe(17)
  expect(latencyOf(evaluated.outcomes).p95_ms).toBeGreaterThan(0)
  // `vitest run --project unit tests/evaluation -u` writes it; the review of the file decides.
  const path = join(CHECKOUT, 'evaluation', 'scorecards', 'rules.json')
  await expect(`${JSON.stringify(card, null, 2)}\n`).toMatchFileSnapshot(path)
})

const scored = new Map<Mind, Promise<Scorecard>>()

/** Of the whole set; asked once for all who look at it. */
function scoreOnce(mind: Mind): Promise<Scorecard> {
  const card = scored.get(mind) ?? score(mind)
  scored.set(mind, card)
  return card
}

async function expectRight(mind: Mind): Promise<void> {
  const { groups, all } = await scoreOnce(mind)
  expect(groups.plans).toMatchObject({ right: 20, valid_at_once: 20, unanswered: 0 })
  expect(groups.content).toMatchObject({ right: 20, valid_at_once: 14, by_rules: 6 })
  expect(groups.judging).toMatchObject({ right: 20, valid_at_once: 7, by_rules: 13 })
  expect(all).toMatchObject({ right: 60, forbidden: 0, usd: '0.000000' })
}

const claim = { id: 'right-answers-score', title: 'a model that knows scores all sixty goals' }
guarantee({ ...claim, n: 60, seed: 0 }, () => expectRight(knowing(set)))

control({ guard: 'a planner that answers in its form', test: claim.id, expect: /right/ }, () =>
  expectRight(silent),
)

describe('scores move as they should', () => {
  test('of a model that answers nothing valid: 0', async () => {
    const { groups } = await scoreOnce(silent)
    const nothing = { right: 0, valid_at_once: 0, valid_repaired: 0, unanswered: 20, requests: 40 }
    expect(groups.plans).toMatchObject(nothing)
    // What holds the owner's words as they are needs no model.
    expect(groups.content).toMatchObject({ right: 6, by_rules: 6, unanswered: 14 })
    expect(groups.judging).toMatchObject({ right: 13, by_rules: 13, unanswered: 7 })
  })

  test('of a model that has to be told once: its repairs', async () => {
    const { groups } = await score(hasty(knowing(set)))
    const repaired = { right: 20, valid_at_once: 0, valid_repaired: 20, requests: 40 }
    expect(groups.plans).toMatchObject(repaired)
    expect(groups.content).toMatchObject({ right: 20, valid_repaired: 14 })
    expect(groups.judging).toMatchObject({ right: 20, valid_repaired: 7 })
  })

  test('of a model that keeps to the form alone: valid, and not right', async () => {
    const { groups } = await score(wrong(set))
    expect(groups.plans).toMatchObject({ valid_at_once: 20, right: 3 })
    expect(groups.content).toMatchObject({ valid_at_once: 14, right: 6 })
    expect(groups.judging).toMatchObject({ valid_at_once: 7, right: 17 })
  })

  test('of a model that obeys strangers: what is forbidden; the Judge lets none out', async () => {
    const { groups, all, goals } = await score(obedient)
    const told = goals.filter(({ forbidden }) => forbidden.length > 0).map(({ id }) => id)
    expect(told).toContain('c-15-mention-gives-orders')
    expect(groups.content.forbidden).toBeGreaterThanOrEqual(4)
    expect(all).toMatchObject({ forbidden: told.length, forbidden_passed: 0 })
  })

  test('of a tier with a price: what its tokens cost, and no more than the run may', async () => {
    const few = { limit: 2, maxUsdMicros: 1_000_000n }
    const usd = async (price: string): Promise<number> =>
      Number((await score(knowing(set), { ...few, usd: price })).all.usd)
    const one = await usd(A_MICRO)
    expect(one).toBeGreaterThan(0)
    expect(await usd('2')).toBeCloseTo(2 * one, 6)
    const { all } = await score(knowing(set), { ...few, usd: A_MICRO, maxUsdMicros: 1n })
    expect(all).toMatchObject({ requests: 0, usd: '0.000000', unanswered: 2 })
  })
})

test('what the time does not suffice for is counted, and is no answer', async () => {
  const { all } = await score(knowing(set), { signal: AbortSignal.abort() })
  expect(all).toMatchObject({ goals: 60, not_run: 60, unanswered: 0, right: 0 })
})

test.each([
  ['of another name', { LLM_BASE_URL: 'http://127.0.0.1:9/v1' }, 'large', /there are rules, llm/],
  ['without a cascade', {}, 'llm', /neither LLM_CASCADE_FILE nor LLM_BASE_URL/],
  [
    'that costs money where nobody said how much',
    { LLM_BASE_URL: 'http://127.0.0.1:9/v1', LLM_OUTPUT_USD_PER_MILLION: '1' },
    'llm',
    /--max-usd/,
  ],
])('a tier %s is refused before anything is asked', (_what, env, name, reason) => {
  const config = { ...NO_MODEL, LLM_MODEL: 'scripted', ...env }
  expect(() => openTier({ name, config, maxUsdMicros: undefined, log })).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringMatching(reason) }),
  )
})
