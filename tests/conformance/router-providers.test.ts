/** Each fault of each kind of provider, over HTTP, in its own words; calls are counted there. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { Cascade } from '@chimera/contracts/models/cascade'
import { openCascade } from '@chimera/infra/llm/cascade/cascade'
import type { Considered } from '@chimera/infra/llm/cascade/decision'
import { loadCascade } from '@chimera/infra/llm/cascade/load-cascade'
import { uncountedMeter } from '@chimera/infra/llm/cascade/meter'
import { openTierRequest, type TierRequest } from '@chimera/infra/llm/cascade/tier-request'
import type { Outcome } from '@chimera/infra/llm/circuits/circuit'
import { type Circuits, openOwnCircuits } from '@chimera/infra/llm/circuits/circuits'
import type { Ask } from '@chimera/infra/llm/model'
import type { ModelBudget } from '@chimera/infra/llm/model-budget'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
import { tier, writeCascade } from '../models/cascade-file.ts'
import type { Fault } from '../models/faults.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'

let folder: string
let server: ModelProcess
/** A port on which nobody listens. */
let dead: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'router-providers-'))
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

type Provider = Cascade['tiers'][number]['provider']
const PROVIDERS: readonly Provider[] = ['openai-compatible', 'openai', 'anthropic']
const KEYS = {
  LLM_API_KEY: 'key-of-comp',
  OPENAI_API_KEY: 'key-of-open',
  ANTHROPIC_API_KEY: 'key-of-anth',
}
const KEY_OF = {
  'openai-compatible': { env: 'LLM_API_KEY' },
  openai: { env: 'OPENAI_API_KEY' },
  anthropic: { env: 'ANTHROPIC_API_KEY' },
} as const

const Colour = z.strictObject({ colour: z.enum(['red', 'blue']) })
const ASK: Ask<z.infer<typeof Colour>> = {
  instructions: 'Name the colour.',
  parts: [{ title: 'Seen', pointer: { source: 'goal', path: '/text' }, value: 'a red house' }],
  schema: Colour,
  asked: { tenantId: DEFAULT_TENANT, goalId: 'none' },
}

/** What has to follow from a fault of the first tier. */
type Follows = Readonly<{
  fault: Fault | 'dead'
  retry_after_s?: number
  /** Calls that the first one sees. */
  calls: number
  /** Its word in the decision. */
  why: string
  /** What becomes of those after it, in their order: a stronger and larger one, a free one. */
  after: 'answered' | 'money_ended'
  /** What its circuit is told. */
  circuit: Outcome
  /** Whether its requests are paid for in full, by what the server says, or not at all. */
  settled: 'in full' | 'as told' | 'nothing'
}>

const failed = (reason: string): Outcome => ({ kind: 'failed', reason })
const limited = (reason: string, forMs: number): Outcome => ({ kind: 'limited', reason, forMs })
const ANSWERED: Outcome = { kind: 'answered' }

const AWAY = { why: 'failed MODEL_UNAVAILABLE', circuit: failed('MODEL_UNAVAILABLE') } as const
const EMPTY = {
  why: 'failed BUDGET_EXHAUSTED',
  after: 'money_ended',
  circuit: limited('BUDGET_EXHAUSTED', 3_600_000),
} as const

const FOLLOWS: readonly Follows[] = [
  { fault: 'dead', calls: 0, after: 'answered', settled: 'nothing', ...AWAY },
  { fault: '503', calls: 1, after: 'answered', settled: 'in full', ...AWAY },
  { fault: 'hang', calls: 1, after: 'answered', settled: 'in full', ...AWAY },
  { fault: 'cut', calls: 1, after: 'answered', settled: 'in full', ...AWAY },
  {
    fault: '429',
    retry_after_s: 7,
    calls: 1,
    why: 'failed MODEL_RATE_LIMITED',
    after: 'answered',
    circuit: limited('MODEL_RATE_LIMITED', 7_000),
    settled: 'nothing',
  },
  {
    fault: '429',
    calls: 1,
    why: 'failed MODEL_RATE_LIMITED',
    after: 'answered',
    circuit: limited('MODEL_RATE_LIMITED', 10_000),
    settled: 'nothing',
  },
  {
    fault: '401',
    calls: 1,
    why: 'failed MODEL_UNAUTHORIZED',
    after: 'answered',
    circuit: { kind: 'unauthorized', reason: 'MODEL_UNAUTHORIZED' },
    settled: 'nothing',
  },
  {
    fault: 'bad_json',
    calls: 2,
    why: 'failed MODEL_OUTPUT_INVALID',
    after: 'answered',
    circuit: ANSWERED,
    settled: 'as told',
  },
  {
    fault: 'too_long',
    calls: 1,
    why: 'failed MODEL_INPUT_TOO_LONG',
    after: 'answered',
    circuit: ANSWERED,
    settled: 'in full',
  },
  {
    fault: 'filtered',
    calls: 1,
    why: 'failed MODEL_REFUSED',
    after: 'answered',
    circuit: ANSWERED,
    settled: 'in full',
  },
  { fault: '402', calls: 1, settled: 'nothing', ...EMPTY },
  { fault: 'usage_limit', calls: 1, settled: 'nothing', ...EMPTY },
]

/** Anthropic says by a 400 what others say by a 402 and a 429, and a 400 may have been work. */
const settledOf = (provider: Provider, { fault, settled }: Follows): Follows['settled'] =>
  provider === 'anthropic' && (fault === '402' || fault === 'usage_limit') ? 'in full' : settled

/** Writes down what circuits and budgets are told. */
function openWatched() {
  const [noted, settled]: [unknown[], string[]] = [[], []]
  const own = openOwnCircuits()
  const circuits: Circuits = {
    admit: (...of) => own.admit(...of),
    note: (of, told) => {
      if (of.name === 'first') noted.push(told.outcome)
      return own.note(of, told)
    },
  }
  const budget: ModelBudget = {
    reserve: ({ model }) => {
      const isFirst = model.endsWith('/first')
      const end = (how: string) => {
        if (isFirst) settled.push(how)
        return Promise.resolve()
      }
      return Promise.resolve({
        answered: ({ input, output }) =>
          end(input === undefined && output === undefined ? 'in full' : 'as told'),
        refused: () => end('nothing'),
      })
    },
  }
  return { circuits, budget, noted, settled }
}

const PAID = { privacy: 'any', usd_per_million: { input: '5', output: '20' } } as const
const DEARER = { privacy: 'any', usd_per_million: { input: '50', output: '200' } } as const

type Over = Readonly<{
  ask?: Partial<typeof ASK>
  timeoutMs?: number
  /** Sends requests in another way. */
  request?: TierRequest
}>

function openTiers(provider: Provider, baseUrl: string, over: Over = {}) {
  const watched = openWatched()
  let considered: readonly Considered[] = []
  const own = { provider, key: KEY_OF[provider], timeout_ms: over.timeoutMs ?? 20_000 }
  const larger = { context_tokens: 1_000_000, timeout_ms: 20_000 }
  const tiers = [
    tier('first', baseUrl, { ...PAID, ...own }),
    tier('large', server.url, { ...DEARER, ...larger }),
    tier('home', server.url, larger),
  ]
  const path = join(folder, 'cascade.json')
  const cascade = loadCascade({ ...writeCascade(path, { tiers }), ...KEYS })
  if (cascade === undefined) throw new Error('There is no model.')
  const model = openCascade({
    ...watched,
    cascade,
    request: over.request ?? openTierRequest(),
    meter: uncountedMeter,
    log: { warn: () => undefined, error: () => undefined },
    onDecision: (decision) => void ({ considered } = decision),
  })
  return {
    ...watched,
    ask: () => model.complete({ ...ASK, ...over.ask }),
    words: () =>
      considered.map(({ tier: of, outcome, why }) => [of, outcome, why].filter(Boolean).join(' ')),
  }
}

const says = (name: string) => server.tell({ model: name, say: [{ text: '{"colour":"blue"}' }] })
const Body = z.looseObject({ model: z.string() })
/** Models that were called since, in order. */
function watch(): () => string[] {
  const from = server.calls().length
  return () =>
    server
      .calls()
      .slice(from)
      .map(({ body }) => Body.parse(body).model)
}

async function expectFollows(provider: Provider, of: Follows, over: Over = {}): Promise<void> {
  const { fault, retry_after_s, after } = of
  const what = `${provider}, ${fault}`
  await server.tell({ fault: 'none' })
  if (fault !== 'dead') {
    const pause = retry_after_s === undefined ? {} : { retry_after_s }
    await server.tell({ fault, times: 100, model: 'first', ...pause })
  }
  const next = after === 'answered' ? 'large' : 'home'
  await says(next)
  const url = fault === 'dead' ? dead : server.url
  const timeout = fault === 'hang' ? { timeoutMs: 400 } : {}
  const { ask, words, noted, settled } = openTiers(provider, url, { ...over, ...timeout })
  const called = watch()
  expect((await ask()).value).toEqual({ colour: 'blue' })
  const calls = [...Array.from({ length: of.calls }, () => 'first'), next]
  expect(called(), `${what}: who was called`).toEqual(calls)
  const skipped = after === 'money_ended' ? ['large skipped money_ended'] : []
  expect(words(), what).toEqual([`first ${of.why}`, ...skipped, `${next} answered`])
  expect(noted, `${what}: what the circuit was told`).toEqual([of.circuit])
  const times = Math.max(of.calls, 1)
  const paid = Array.from({ length: times }, () => settledOf(provider, of))
  expect(settled, `${what}: what was paid`).toEqual(paid)
}

const faults = {
  id: 'router-faults',
  title: 'each fault of each kind of provider is met as it should, and costs one call',
}
guarantee({ ...faults, n: PROVIDERS.length * FOLLOWS.length, seed: 1 }, async () => {
  for (const provider of PROVIDERS) {
    for (const of of FOLLOWS) await expectFollows(provider, of)
  }
})

/** What every client does unless it is told not to. */
function retrying(): TierRequest {
  const request = openTierRequest()
  const again: TierRequest = async (of) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await request(of)
      } catch (error) {
        if (tries === 3) throw error
      }
    }
  }
  return again
}
control(
  {
    guard: 'the one try for each tier',
    test: faults.id,
    expect: /openai, 503: who was called: expected \[ 'first', 'first', 'first', 'large' \]/,
  },
  async () => {
    for (const of of FOLLOWS.filter(({ fault }) => fault === '503')) {
      await expectFollows('openai', of, { request: retrying() })
    }
  },
)

describe.each(PROVIDERS)('of %s', (provider) => {
  test('an answer comes whole, at once and piece by piece', async () => {
    await says('first')
    expect((await openTiers(provider, server.url).ask()).value).toEqual({ colour: 'blue' })
    await says('first')
    const pieces: string[] = []
    const { ask, settled } = openTiers(provider, server.url, {
      ask: { onPiece: (piece) => void pieces.push(piece) },
    })
    expect((await ask()).value).toEqual({ colour: 'blue' })
    expect(JSON.parse(pieces.join(''))).toEqual({ colour: 'blue' })
    expect(settled).toEqual(['as told'])
  })

  test.each(['503', 'error_event', 'cut'] as const)(
    'a stream that ends before its first word (%s) goes to the next',
    async (fault) => {
      await server.tell({ fault, model: 'first' })
      await says('large')
      const { ask, words, noted } = openTiers(provider, server.url, {
        ask: { onPiece: () => undefined },
      })
      expect((await ask()).value).toEqual({ colour: 'blue' })
      expect(words()).toEqual(['first failed MODEL_UNAVAILABLE', 'large answered'])
      expect(noted).toEqual([AWAY.circuit])
    },
  )
})

/** A stream is cut after its first words: who else is asked? `listen` hears what goes out. */
async function expectNoSwitch(listen: (hear: (piece: string) => void) => Over): Promise<void> {
  for (const provider of PROVIDERS) {
    await server.tell({ fault: 'cut_late', model: 'first' })
    await says('large')
    const heard: string[] = []
    const over = listen((piece) => void heard.push(piece))
    const { ask, words, settled } = openTiers(provider, server.url, over)
    const called = watch()
    const end = await ask().catch((error: unknown) => error)
    expect(heard.join(''), `what ${provider} was heard to say`).toBe('{"colour":"r')
    expect(called()).toEqual(['first'])
    expect(end).toMatchObject({ code: 'MODEL_UNAVAILABLE', kind: 'retryable' })
    expect(words()).toEqual(['first failed MODEL_UNAVAILABLE'])
    expect(settled).toEqual(['in full'])
  }
}

const silent = {
  id: 'router-no-silent-switch',
  title: 'after the first words of a stream nobody else goes on, whichever provider it was',
}
guarantee({ ...silent, n: PROVIDERS.length, seed: 1 }, () =>
  expectNoSwitch((onPiece) => ({ ask: { onPiece } })),
)
control(
  {
    guard: 'the note that words have gone out',
    test: silent.id,
    expect: /was heard to say: expected '\{"colour":"r\{"colour":"blue"\}' to be/,
  },
  () => {
    const request = openTierRequest()
    return expectNoSwitch((onPiece) => ({
      request: (of) => request({ ...of, ask: { ...of.ask, onPiece } }),
    }))
  },
)
