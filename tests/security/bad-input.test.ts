import { readFileSync } from 'node:fs'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openGoalHandler } from '@chimera/planner/handle-goals'
import { openGoalReader } from '@chimera/planner/read-goal-entry'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { ended } from '../e2e/stack-rig.ts'
import { silence } from '../e2e/stand-in.ts'
import {
  drained,
  type FaultRig,
  letterOf,
  lives,
  openFaultRig,
  readLetters,
  xadd,
} from '../faults/fault-rig.ts'
import { openNaiveConsumer } from '../faults/naive-consumer.ts'
import { control, guarantee } from '../guarantee.ts'
import { expectNoProcessUp, urlOfRole } from './stack-logins.ts'

let faults: FaultRig
let before: Record<string, number>
let gateway = { url: '', token: '' }

beforeAll(async () => {
  faults = await openFaultRig()
  before = await lives(faults)
  const { urls, token_file } = await faults.rig.report()
  gateway = { url: urls.gateway, token: readFileSync(token_file, 'utf8').trim() }
}, 120_000)
afterAll(() => faults[Symbol.asyncDispose]())

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const megabytes = (n: number): string => 'x'.repeat(n * 1024 * 1024)
const goal = (more: object): string => JSON.stringify({ text: 'generic: x', ...more })

const MALFORMED = 'ENTRY_MALFORMED'
const STRUCTURED = '{"kind":"generic","params":'

/** What is added to `chimera:goals`, the code of its letter, and what its reason has to name. */
const GOALS: [string, string[], string, RegExp][] = [
  ['is not JSON', ['goal', '{"text": "x"'], MALFORMED, /goal/],
  ['is empty', ['goal', ''], MALFORMED, /goal/],
  ['lacks the text', ['goal', '{"id":"bad-1"}'], MALFORMED, /text/],
  ['has no known field', ['colour', 'blue'], MALFORMED, /colour/],
  ['is a list', ['goal', '[]'], MALFORMED, /object/],
  ['has a number as text', ['goal', '{"text":7}'], MALFORMED, /text/],
  ['has an object as id', ['goal', goal({ id: {} })], MALFORMED, /id/],
  ['has an id with a path in it', ['goal', goal({ id: '../../etc' })], MALFORMED, /id/],
  ['has an unknown mode', ['text', 'generic: x', 'mode', 'yolo'], MALFORMED, /mode/],
  [
    'has a cost that no number holds',
    ['goal', '{"text":"generic: x","max_cost_usd":1e999}'],
    MALFORMED,
    /max_cost_usd/,
  ],
  ['has a huge cost', ['goal', goal({ max_cost_usd: 1e300 })], MALFORMED, /max_cost_usd/],
  ['has an unknown field', ['goal', goal({ sudo: true })], MALFORMED, /sudo/],
  ['names another tenant', ['text', 'generic: x', 'tenant', newId()], 'TENANT_FORBIDDEN', /tenant/],
  [
    'names a tenant that is none',
    ['text', 'generic: x', 'tenant', 'root'],
    'TENANT_FORBIDDEN',
    /tenant/,
  ],
  ['has 2 MB', ['goal', goal({ text: megabytes(2) })], 'ENTRY_TOO_LARGE', /bytes/],
  [
    'has 2 MB in a field of no meaning',
    ['text', 'generic: x', 'note', megabytes(2)],
    'ENTRY_TOO_LARGE',
    /bytes/,
  ],
  ['has too long a text', ['goal', goal({ text: 'x'.repeat(10_001) })], MALFORMED, /text/],
  [
    'is nested deeply',
    ['goal', `${STRUCTURED}{"text":${deep(50_000)}}}`],
    MALFORMED,
    /params|text/,
  ],
  ['is nothing but nesting', ['goal', deep(200_000)], MALFORMED, /object|deep/],
  ['has half of a surrogate pair', ['goal', '{"text":"generic: \\ud800"}'], MALFORMED, /surrogate/],
  [
    'has one in a name',
    ['goal', `${STRUCTURED}{"text":"x","\\udc00":"y"}}`],
    'INPUT_INVALID',
    /surrogate/,
  ],
  [
    'has one in the voice',
    ['goal', '{"text":"generic: x","voice_ref":"\\ud800"}'],
    MALFORMED,
    /voice_ref/,
  ],
  [
    'has control characters',
    ['goal', '{"text":"generic: \\u0007\\u001b[2J"}'],
    MALFORMED,
    /control/,
  ],
  ['has a NUL', ['goal', '{"text":"generic: \\u0000"}'], MALFORMED, /control/],
  [
    'has a NUL in a name',
    ['goal', `${STRUCTURED}{"text":"x","\\u0000":"y"}}`],
    'INPUT_INVALID',
    /NUL/,
  ],
  [
    'has a NUL in the voice',
    ['goal', '{"text":"generic: x","voice_ref":"\\u0000"}'],
    MALFORMED,
    /voice_ref/,
  ],
  [
    'has a control character in plain fields',
    ['text', 'generic: \u001b]0;x\u0007'],
    MALFORMED,
    /control/,
  ],
  [
    'reaches for __proto__',
    ['goal', '{"text":"generic: x","__proto__":{"mode":"live"}}'],
    MALFORMED,
    /__proto__/,
  ],
  ['is a ring for no goal', ['goal', '{"id":"nobody","ring":true}'], 'GOAL_NOT_FOUND', /nobody/],
  ['is a ring that is none', ['goal', '{"id":"nobody","ring":"yes"}'], MALFORMED, /ring/],
  [
    'has an envelope that is too long',
    ['text', 'generic: x', 'source', 'x'.repeat(65)],
    MALFORMED,
    /source/,
  ],
]

async function expectLetter(
  [, fields, code, reason]: (typeof GOALS)[number],
  withinMs?: number,
): Promise<void> {
  const id = await xadd(faults, 'chimera:goals', ...fields)
  const letter = await letterOf(faults, id, withinMs)
  expect(letter).toMatchObject({ stream: 'chimera:goals', code })
  expect(letter.reason).toMatch(reason)
  // oxlint-disable-next-line no-control-regex
  expect(letter.reason).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F]/)
}

describe('an entry of chimera:goals that', () => {
  guarantee(
    { id: 'bad-input', title: 'is bad is a dead letter with the reason', n: GOALS.length, seed: 0 },
    async () => {
      for (const bad of GOALS) await expectLetter(bad)
    },
  )

  control(
    {
      guard: 'the verdict on each entry by itself',
      test: 'bad-input',
      expect: /not within 4000 ms: a dead letter for/,
    },
    async () => {
      await silence(faults.rig, 'planner')
      try {
        await using others = new AsyncDisposableStack()
        others.use(await openNaivePlanner())
        // What is good it plans as the product does.
        await xadd(faults, 'chimera:goals', 'id', 'able', 'text', 'noop 1')
        await ended(faults.rig, 'able')
        for (const bad of GOALS.slice(0, 1)) await expectLetter(bad, 4_000)
      } finally {
        await faults.rig.signal('planner', 'SIGCONT')
      }
    },
  )

  test('is not UTF-8 is no goal either, or one whose text can be read', async () => {
    const id = await xadd(faults, 'chimera:goals', 'goal', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))
    expect(await letterOf(faults, id)).toMatchObject({ code: MALFORMED })
  })

  test('says a key twice means what JSON says: the last one, once', async () => {
    await xadd(faults, 'chimera:goals', 'goal', '{"id":"two","text":7,"text":"generic: x"}')
    expect(await ended(faults.rig, 'two')).toMatchObject({ text: 'generic: x' })
  })
})

/** The planner's own parser and handler, in a consumer to whom a batch is one fate. */
async function openNaivePlanner(): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { urls } = await faults.rig.report()
  const log = openLog({ name: 'test', level: 'silent' })
  const redis = stack.use(await openRedis({ url: urls.redis, name: 'test', log }))
  const handle = openGoalHandler({
    database: faults.record,
    publisher: openPublisher({ redis, source: 'planner' }),
    log,
    crash: Object.assign(() => undefined, { isArmed: false }),
    actor: 'naive-planner',
    leaseMs: 2_000,
  })
  const parse = openGoalReader({ from: 'owner', tenantId: DEFAULT_TENANT })
  const of = { url: urls.redis, consumerName: 'naive-planner', parse, handle }
  stack.use(openNaiveConsumer({ ...of, stream: 'chimera:goals' }))
  const open = stack.move()
  return { [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** Everything that no schema of a work stream takes. */
const JUNK = [
  '{',
  '',
  'null',
  '0',
  '[]',
  '{}',
  deep(100_000),
  `{"${'x'.repeat(500_000)}":1}`,
  '{"__proto__":{"look_at":"task"}}',
  '{"look_at":"task","id":"\\u0000"}',
  '{"look_at":"goal","tenant":"x","id":"y"}',
  '{"task_id":1e999,"grant_id":"\\ud800"}',
]

test.each([
  ['chimera:tasks:RESEARCH', 'task'],
  ['chimera:tasks:CONTENT_GEN', 'task'],
  ['chimera:tasks:ENGAGEMENT', 'task'],
  ['chimera:tasks:TRANSACTION', 'task'],
  ['chimera:results', 'result'],
  ['chimera:effects', 'grant'],
])('what no consumer of %s can read is a dead letter each', async (stream, field) => {
  const ids = [
    ...(await Promise.all(JUNK.map((text) => xadd(faults, stream, field, text)))),
    await xadd(faults, stream, 'other', 'field'),
    await xadd(faults, stream, field, megabytes(2)),
  ]
  for (const id of ids) await letterOf(faults, id)
  const letters = (await readLetters(faults)).filter((letter) => letter.stream === stream)
  expect(letters).toHaveLength(ids.length)
  expect(letters.filter(({ reason }) => reason === '')).toEqual([])
})

const Problem = z.looseObject({
  code: z.string(),
  status: z.int(),
  errors: z.array(z.looseObject({ pointer: z.string() })).default([]),
})

/** What is posted, the status, and the field that the answer has to name. */
const BODIES: [string, string, number, string | undefined][] = [
  ['is not JSON', '{"text": ', 400, ''],
  ['is a list', '[]', 422, ''],
  ['lacks the text', '{}', 422, '/text'],
  ['has a number as text', '{"text":7}', 422, '/text'],
  ['has an unknown field', goal({ sudo: true }), 422, '/sudo'],
  ['names a tenant', goal({ tenant: DEFAULT_TENANT }), 422, '/tenant'],
  ['has an id with a path in it', goal({ id: '../../etc' }), 422, '/id'],
  ['has an infinite cost', '{"text":"generic: x","max_cost_usd":1e999}', 422, '/max_cost_usd'],
  ['has an unknown mode', goal({ mode: 'yolo' }), 422, '/mode'],
  ['has too long a text', goal({ text: 'x'.repeat(10_001) }), 422, '/text'],
  ['has 2 MB', goal({ text: megabytes(2) }), 413, undefined],
  ['is nested deeply', `${STRUCTURED}{"text":${deep(50_000)}}}`, 400, '/params/text'],
  ['has half of a surrogate pair', '{"text":"generic: \\ud800"}', 422, '/text'],
  ['has control characters', '{"text":"generic: \\u0007"}', 422, '/text'],
  ['has a NUL', '{"text":"generic: \\u0000"}', 422, '/text'],
  ['has a key twice', '{"text":"generic: x","text":"generic: y"}', 400, '/text'],
  ['reaches for __proto__', '{"text":"generic: x","__proto__":{}}', 400, '/__proto__'],
]

test.each(BODIES)('a body that %s is refused by its field', async (_, body, status, pointer) => {
  const answer = await fetch(new URL('/v1/goals', gateway.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json' },
    body,
  })
  const problem = Problem.parse(await answer.json())
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect({ status: answer.status, problem }).toMatchObject({ status, problem: { status } })
  if (pointer === undefined) return
  expect(problem.errors.map((error) => error.pointer)).toContainEqual(
    expect.stringMatching(new RegExp(`^${pointer}`)),
  )
})

guarantee(
  {
    id: 'no-process-up',
    title: 'no process of a stack knows a way to rows of a tenant that it does not work for',
    n: 1,
    seed: 103,
  },
  () => expectNoProcessUp(faults, (role) => urlOfRole(faults, role)),
)

control(
  {
    guard: 'logins of their own',
    test: 'no-process-up',
    expect: /to deeply equal \[\]/,
  },
  async () => {
    const { urls } = await faults.rig.report()
    await expectNoProcessUp(faults, () => urls.postgres)
  },
)

test('after all of it no process has ended, and a good goal completes', async () => {
  await xadd(faults, 'chimera:goals', 'id', 'good', 'text', 'publish a tweet: still here')
  expect(await ended(faults.rig, 'good')).toMatchObject({ status: 'COMPLETED' })
  await drained(faults)
  expect(await lives(faults)).toEqual(before)
  const [row] = await faults.record.query<{ n: number }>({
    text: `SELECT count(*)::int AS n FROM goals WHERE id NOT IN ('two', 'good', 'able')`,
  })
  expect(row?.n).toBe(0)
})
