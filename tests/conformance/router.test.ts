/** The router meets each fault of a provider with the action for it; calls are counted there. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { Cascade } from '@chimera/contracts/models/cascade'
import type { Decision } from '@chimera/infra/llm/cascade/decision'
import { type Circuits, openOwnCircuits } from '@chimera/infra/llm/circuits/circuits'
import type { Ask } from '@chimera/infra/llm/model'
import { openModel } from '@chimera/infra/llm/open-model'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
import { tier, writeCascade } from '../models/cascade-file.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'
import { uncounted } from '../models/uncounted.ts'

type Tiers = z.input<typeof Cascade>['tiers']

let folder: string
let server: ModelProcess
/** A port on which nobody listens. */
let dead: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'router-'))
  server = await startModel({ mind: 'scripted', recordPath: join(folder, 'calls.jsonl') })
  const gone = await startModel({ mind: 'scripted', recordPath: join(folder, 'gone.jsonl') })
  dead = gone.url
  await gone[Symbol.asyncDispose]()
})
beforeEach(() => server.tell({ fault: 'none' }))
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const Colour = z.strictObject({ colour: z.enum(['red', 'blue']) })
type Colour = z.infer<typeof Colour>
const ASK: Ask<Colour> = {
  instructions: 'Name the colour.',
  parts: [{ title: 'Seen', pointer: { source: 'goal', path: '/text' }, value: 'a red house' }],
  schema: Colour,
  asked: { tenantId: DEFAULT_TENANT, goalId: 'none' },
}
const PAID = { privacy: 'any', usd_per_million: { input: '5', output: '20' } } as const

/** A router on tiers of this server, and what it decided. */
function open(tiers: Tiers, more: { circuits?: Circuits; doc?: object } = {}) {
  const decisions: Decision[] = []
  const { circuits = openOwnCircuits(), doc = {} } = more
  const model = openModel(
    writeCascade(join(folder, 'cascade.json'), { tiers, ...doc }),
    uncounted,
    {
      circuits,
      onDecision: (decision) => void decisions.push(decision),
    },
  )
  if (model === undefined) throw new Error('There is no model.')
  return { model, decisions }
}

const twoTiers = (): Tiers => [tier('near', server.url), tier('far', server.url, PAID)]
const says = (model: string, value: unknown, times = 1) =>
  server.tell({
    model,
    say: Array.from({ length: times }, () => ({ text: JSON.stringify(value) })),
  })

/** Models that were called since, in order. */
function watch(): () => string[] {
  const from = server.calls().length
  const Body = z.looseObject({ model: z.string() })
  return () =>
    server
      .calls()
      .slice(from)
      .map(({ body }) => Body.parse(body).model)
}

const words = ({ considered }: Decision): string[] =>
  considered.map(({ tier: name, outcome, why }) => [name, outcome, why].filter(Boolean).join(' '))

describe('the next tier answers, and nobody is called twice, when the first', () => {
  test.each([
    ['is broken', { fault: '503' }, 'MODEL_UNAVAILABLE'],
    ['is slow', { fault: 'hang' }, 'MODEL_UNAVAILABLE'],
    ['is cut', { fault: 'cut' }, 'MODEL_UNAVAILABLE'],
    ['limits the rate', { fault: '429', retry_after_s: 7 }, 'MODEL_RATE_LIMITED'],
    ['does not take the key', { fault: '401' }, 'MODEL_UNAUTHORIZED'],
    ['filters the content', { fault: 'filtered' }, 'MODEL_REFUSED'],
  ] as const)('%s', async (_what, fault, code) => {
    await server.tell({ ...fault, model: 'near' })
    await says('far', { colour: 'blue' })
    const { model, decisions } = open([tier('near', server.url, { timeout_ms: 400 }), far()])
    const called = watch()
    expect((await model.complete(ASK)).value).toEqual({ colour: 'blue' })
    expect(called()).toEqual(['near', 'far'])
    expect(decisions.map(words)).toEqual([[`near failed ${code}`, 'far answered']])
    expect(decisions[0]?.chosen).toBe('far')
  })
})

const far = () => tier('far', server.url, PAID)

test('a server that is gone costs no more than a refused connection', async () => {
  await says('far', { colour: 'blue' })
  const { model, decisions } = open([tier('near', dead), far()])
  expect((await model.complete(ASK)).value).toEqual({ colour: 'blue' })
  expect(decisions.map(words)).toEqual([['near failed MODEL_UNAVAILABLE', 'far answered']])
})

test('a pause that was asked for is kept, and ends when it was said to', async () => {
  let now = 0
  const circuits = openOwnCircuits(() => now)
  await server.tell({ fault: '429', retry_after_s: 7, model: 'near' })
  await says('far', { colour: 'blue' }, 2)
  const { model, decisions } = open(twoTiers(), { circuits })
  const called = watch()
  await model.complete(ASK)
  now = 6_999
  await model.complete(ASK)
  now = 7_000
  await says('near', { colour: 'red' })
  expect((await model.complete(ASK)).value).toEqual({ colour: 'red' })
  expect(called()).toEqual(['near', 'far', 'far', 'near'])
  expect(decisions.map(words)[1]).toEqual([
    'near skipped cooling MODEL_RATE_LIMITED',
    'far answered',
  ])
})

test('a key that is not taken is not shown again until a person has acted', async () => {
  let now = 0
  await server.tell({ fault: '401', model: 'near' })
  const { model, decisions } = open([tier('near', server.url)], {
    circuits: openOwnCircuits(() => now),
  })
  const called = watch()
  await expect(model.complete(ASK)).rejects.toMatchObject({ code: 'MODEL_UNAUTHORIZED' })
  now = 365 * 86_400_000
  await expect(model.complete(ASK)).rejects.toMatchObject({
    code: 'MODEL_UNAUTHORIZED',
    kind: 'terminal',
  })
  expect(called()).toEqual(['near'])
  expect(decisions.map(words)[1]).toEqual(['near skipped held_open MODEL_UNAUTHORIZED'])
})

test('bad JSON is repaired once by the same model, and then by a stronger one', async () => {
  const [near, strong] = [tier('near', server.url, { strength: 5 }), far()]
  const weak = tier('weak', server.url, { strength: 2 })
  await server.tell({ fault: 'bad_json', times: 2, model: 'near' })
  await says('far', { colour: 'blue' })
  const { model, decisions } = open([near, weak, { ...strong, strength: 9 }])
  const called = watch()
  expect((await model.complete(ASK)).value).toEqual({ colour: 'blue' })
  expect(called()).toEqual(['near', 'near', 'far'])
  expect(decisions.map(words)).toEqual([
    ['near failed MODEL_OUTPUT_INVALID', 'weak skipped not_stronger', 'far answered'],
  ])
})

test('a prompt that is too long goes to a larger model, and to no other', async () => {
  await server.tell({ fault: 'too_long', model: 'near' })
  await says('large', { colour: 'red' })
  const large = tier('large', server.url, { context_tokens: 1_000_000 })
  const { model, decisions } = open([...twoTiers(), large])
  const called = watch()
  expect((await model.complete(ASK)).value).toEqual({ colour: 'red' })
  expect(called()).toEqual(['near', 'large'])
  expect(decisions.map(words)).toEqual([
    ['near failed MODEL_INPUT_TOO_LONG', 'far skipped context', 'large answered'],
  ])
})

test.each(['402', 'usage_limit'] as const)('money that ran out (%s) leads down', async (fault) => {
  await server.tell({ fault, model: 'far' })
  await says('home', { colour: 'red' }, 2)
  const dear = { ...PAID, usd_per_million: { input: '50', output: '200' } }
  const tiers = [far(), tier('dear', server.url, dear), tier('home', server.url)]
  const { model, decisions } = open(tiers)
  const called = watch()
  expect((await model.complete(ASK)).value).toEqual({ colour: 'red' })
  // And the account is not asked again at once.
  expect((await model.complete(ASK)).value).toEqual({ colour: 'red' })
  expect(called()).toEqual(['far', 'home', 'home'])
  const rest = ['dear skipped money_ended', 'home answered']
  expect(decisions.map(words)).toEqual([
    ['far failed BUDGET_EXHAUSTED', ...rest],
    ['far skipped cooling BUDGET_EXHAUSTED', ...rest],
  ])
})

test('who may not be asked is not: by privacy, capability, context and price', async () => {
  await says('fits', { colour: 'red' })
  const tiers: Tiers = [
    tier('abroad', server.url, { privacy: 'any' }),
    tier('mute', server.url, { capabilities: ['embeddings'] }),
    tier('small', server.url, { context_tokens: 4_096 }),
    tier('dear', server.url, { usd_per_million: { input: '0', output: '999999' } }),
    tier('fits', server.url, { privacy: 'eu' }),
  ]
  const doc = { privacy: 'eu', max_usd_per_request: '0.5' }
  const { model, decisions } = open(tiers, { doc })
  const called = watch()
  await model.complete(ASK)
  expect(called()).toEqual(['fits'])
  const local = model.complete({ ...ASK, privacy: 'local' })
  await expect(local).rejects.toMatchObject({ code: 'MODEL_NONE_FITS' })
  expect(decisions.map(words)).toEqual([
    [
      'abroad skipped privacy',
      'mute skipped capability',
      'small skipped context',
      'dear skipped price',
      'fits answered',
    ],
    [
      'abroad skipped privacy',
      'mute skipped capability',
      'small skipped context',
      'dear skipped price',
      'fits skipped privacy',
    ],
  ])
  expect(called()).toEqual(['fits'])
})

describe('an answer that is taken piece by piece', () => {
  test('comes whole', async () => {
    const long = { colour: 'red' }
    await says('near', long)
    const pieces: string[] = []
    const { model } = open(twoTiers())
    const answer = await model.complete({ ...ASK, onPiece: (piece) => void pieces.push(piece) })
    expect(answer.value).toEqual(long)
    expect(JSON.parse(pieces.join(''))).toEqual(long)
  })

  test('goes to the next tier as long as nothing has gone out', async () => {
    await server.tell({ fault: '503', model: 'near' })
    await says('far', { colour: 'blue' })
    const { model } = open(twoTiers())
    const called = watch()
    expect((await model.complete({ ...ASK, onPiece: () => undefined })).value.colour).toBe('blue')
    expect(called()).toEqual(['near', 'far'])
  })

  test('is never continued by anybody else once a piece has gone out', async () => {
    await server.tell({ fault: 'cut_late', model: 'near' })
    const pieces: string[] = []
    const { model, decisions } = open(twoTiers())
    const called = watch()
    const asked = model.complete({ ...ASK, onPiece: (piece) => void pieces.push(piece) })
    await expect(asked).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringMatching(/began to answer and did not come to an end/),
    })
    expect(pieces.join('')).toBe('{"colour":"r')
    expect(called()).toEqual(['near'])
    expect(decisions).toMatchObject([{ chosen: null }])
  })

  test('is not repaired behind its listener’s back', async () => {
    await says('near', { colour: 'green' })
    const { model } = open(twoTiers())
    const called = watch()
    const asked = model.complete({ ...ASK, onPiece: () => undefined })
    await expect(asked).rejects.toMatchObject({ code: 'MODEL_OUTPUT_INVALID' })
    expect(called()).toEqual(['near'])
  })
})

test('OpenAI and Anthropic are asked in their own ways, each with its key', async () => {
  const own = { ...PAID, key: { env: 'OPENAI_API_KEY' } } as const
  const path = join(folder, 'providers.json')
  const tiers: Tiers = [
    tier('gpt', server.url, { ...own, provider: 'openai' }),
    tier('claude', server.url, {
      ...PAID,
      provider: 'anthropic',
      key: { env: 'ANTHROPIC_API_KEY' },
    }),
  ]
  await server.tell({ fault: '503', model: 'gpt', match: 'second' })
  await says('gpt', { colour: 'red' })
  await says('claude', { colour: 'blue' })
  const keys = { OPENAI_API_KEY: 'key-of-open', ANTHROPIC_API_KEY: 'key-of-anth' }
  const model = openModel({ ...writeCascade(path, { tiers }), ...keys }, uncounted)
  const from = server.calls().length
  expect((await model?.complete(ASK))?.value).toEqual({ colour: 'red' })
  const second = { ...ASK, instructions: 'The second time.' }
  expect((await model?.complete(second))?.value).toEqual({ colour: 'blue' })
  const calls = server.calls().slice(from)
  expect(calls.map(({ path: at, account }) => `${at} ${account}`)).toEqual([
    '/v1/chat/completions key:open',
    '/v1/chat/completions key:open',
    '/v1/messages key:anth',
  ])
})

const ASKS = 12

/** Everything is dead for good, and many ask: what the servers see of it. */
async function expectNoStorm(circuits: Circuits): Promise<void> {
  await server.tell({ fault: '503', times: 100_000 })
  const { model } = open(twoTiers(), { circuits })
  const called = watch()
  for (let asked = 0; asked < ASKS; asked += 1) {
    await expect(model.complete(ASK)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'retryable',
    })
  }
  for (const name of ['near', 'far']) {
    const n = called().filter((each) => each === name).length
    expect(n, `calls of ${name}, of which five open its circuit`).toBe(5)
  }
}

const storm = {
  id: 'router-no-storm',
  title: 'dead providers are called five times and left alone',
}
guarantee({ ...storm, n: ASKS, seed: 1 }, () => expectNoStorm(openOwnCircuits()))
control(
  {
    guard: 'the circuit',
    test: storm.id,
    expect: /calls of near, of which five open its circuit: expected 12 to be 5/,
  },
  () =>
    expectNoStorm({
      admit: () => Promise.resolve({ admitted: true, failures: 0, probe: null }),
      note: () => Promise.resolve(undefined),
    }),
)
