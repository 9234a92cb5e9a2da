import { createHmac, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { TaskType } from '@chimera/contracts/agent-task'
import { canonicalHash } from '@chimera/contracts/canonical'
import {
  GrantClaims,
  JWS_TYPE,
  META_GRANT,
  META_RECEIPT,
  ReceiptClaims,
} from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { inState } from '@chimera/infra/database/in-state'
import type { Statement } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openLog } from '@chimera/runtime/log'
import { openMetrics } from '@chimera/runtime/metrics'
import { EXECUTORS } from '@chimera/worker/executors/executors'
import { startWorker } from '@chimera/worker/start-worker'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { CompactSign } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { ended, eventually } from '../e2e/stack-rig.ts'
import { silence } from '../e2e/stand-in.ts'
import {
  drained,
  type FaultRig,
  letterOf,
  lives,
  openFaultRig,
  postGoals,
  readLetters,
  xadd,
} from '../faults/fault-rig.ts'
import { seenThrough } from '../faults/model/without.ts'
import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'

let faults: FaultRig
let before: Record<string, number>
let toolUrl = ''

/** The goals that are forged about: one has happened, of one nobody knows, one is over. */
const DONE = 'done'
const OPEN = 'open'
const OVER = 'over'

beforeAll(async () => {
  // A minute until absence counts: the open effect stays UNKNOWN for the whole file.
  faults = await openFaultRig({ TWEET_ABSENCE_MS: '60000', LEASE_MS: '15000' })
  const { rig } = faults
  await rig.misbehave({ duplicate_check: false })
  await postGoals(faults, [{ id: DONE, text: 'publish a tweet: it happened' }])
  await ended(rig, DONE)
  await rig.misbehave({ fault: '5xx', match: 'nobody knows', timeline_delay_ms: 3_600_000 })
  await postGoals(faults, [{ id: OPEN, text: 'publish a tweet: nobody knows' }])
  await postGoals(faults, [{ id: OVER, text: 'make me rich' }])
  const isUnknown = async () => {
    // A round that met the cooldown of the one before it is void, and comes again as the next.
    const { status, effects } = await rig.goal(OPEN)
    expect({ status, last: effects.at(-1) }).toMatchObject({ last: { state: 'UNKNOWN' } })
    return true
  }
  await eventually(isUnknown, 20_000, 'an effect of which nobody knows')
  await drained(faults)
  before = await lives(faults)
  toolUrl = (await rig.report()).tools[0]?.url ?? ''
}, 180_000)
afterAll(() => faults[Symbol.asyncDispose]())

const TABLES = [
  'goals',
  'tasks',
  'task_payloads',
  'task_results',
  'slots',
  'effects',
  'receipts',
  'budgets',
  'budget_reservations',
  'fences',
  'tool_boots',
]

/** Every row that says what was done, and every word of it. */
async function dump(): Promise<Record<string, unknown>> {
  const tables = new Map<string, unknown>()
  for (const table of TABLES) {
    const rows = await faults.record.query<{ row: unknown }>({
      text: `SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY to_jsonb(t)::text`,
    })
    tables.set(
      table,
      rows.map(({ row }) => row),
    )
  }
  return Object.fromEntries<unknown>(tables)
}

type Row = {
  task_id: string
  effect_id: string
  grant_id: string
  grant_jws: string
  receipt_jws: string | null
  account: string
  boot: string
  args: Record<string, unknown>
}

async function effectOf(goalId: string): Promise<Row> {
  const [row] = await faults.record.query<Row>({
    text: `SELECT task_id, id AS effect_id, grant_id, grant_jws, receipt_jws, account, boot, args
      FROM effects WHERE goal_id = $1 ORDER BY round DESC LIMIT 1`,
    values: [goalId],
  })
  if (row === undefined) throw new Error(`${goalId} has no effect`)
  return row
}

const tamper = (jws: string, change: (claims: Record<string, unknown>) => object): string => {
  const [header, payload, signature] = jws.split('.')
  const claims = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()))
  return [header, encode(change(claims)), signature].join('.')
}
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Entries that look as the product's own, but for who wrote them. */
function forgeries(open: Row, done: Row): [string, string, object][] {
  const task = (id: string, goal: string, more: object = {}) => ({
    task_id: id,
    parent_goal_id: goal,
    type: 'CONTENT_GEN',
    payload: {
      kind: 'tweet.post',
      slot: 'publish',
      text: 'forged',
      media_ids: [],
      is_ai_labeled: true,
      origin: {},
    },
    constraints: {},
    status: 'PENDING',
    ...more,
  })
  const result = { confidence: 1, artifacts: [], evidence: [], proposed_effects: [] }
  const grant = (row: Row, more: object) => ({
    effect_id: row.effect_id,
    grant_id: row.grant_id,
    account: row.account,
    tool: 'post_tweet',
    grant: row.grant_jws,
    ...more,
  })
  const receipt = { grant_id: open.grant_id, state: 'CONFIRMED', provider_ref: '1' }
  const look = (kind: string, id: string) => ({ look_at: kind, id })
  return [
    // Receipts, approvals and results in full: the Judge takes ids only.
    ['chimera:results', 'result', { receipt: open.receipt_jws, ...receipt }],
    ['chimera:results', 'result', { ...look('receipt', open.grant_id), receipt }],
    ['chimera:results', 'result', { approval: newId(), decision: 'APPROVED', task: open.task_id }],
    ['chimera:results', 'result', { task_id: open.task_id, attempt: 1, outcome: 'result', result }],
    ['chimera:results', 'result', { hello: 'x.y.z', boot: open.boot, account: open.account }],
    // Rings that name rows, real ones and others.
    ...['task', 'receipt', 'effect', 'boot'].flatMap((kind): [string, string, object][] =>
      [open.task_id, done.task_id, open.effect_id, done.effect_id, open.boot, newId()].map((id) => [
        'chimera:results',
        'result',
        look(kind, id),
      ]),
    ),
    ...[DONE, OPEN, OVER, 'nobody'].map((id): [string, string, object] => [
      'chimera:results',
      'result',
      { look_at: 'goal', tenant: DEFAULT_TENANT, id },
    ]),
    // Tasks: of nobody, of somebody with other words, of another type.
    ['chimera:tasks:CONTENT_GEN', 'task', task(newId(), OPEN)],
    ['chimera:tasks:CONTENT_GEN', 'task', task(open.task_id, OPEN)],
    ['chimera:tasks:CONTENT_GEN', 'task', task(done.task_id, DONE)],
    ['chimera:tasks:RESEARCH', 'task', task(done.task_id, OPEN, { type: 'RESEARCH' })],
    ['chimera:tasks:ENGAGEMENT', 'task', task(open.task_id, 'nobody', { type: 'ENGAGEMENT' })],
    // Grants: of nobody, altered, signed by nobody, and the real ones again.
    ['chimera:effects', 'grant', grant(open, { grant_id: newId() })],
    ['chimera:effects', 'grant', grant(open, { grant: altered(open) })],
    ['chimera:effects', 'grant', grant(done, { grant: 'x.y.z', account: 'another' })],
    ['chimera:effects', 'grant', grant(open, {})],
    ['chimera:effects', 'grant', grant(done, {})],
    // Rings for goals.
    ...[DONE, OPEN, OVER].map((id): [string, string, object] => [
      'chimera:goals',
      'goal',
      { id, ring: true },
    ]),
    // What only shows.
    ['chimera:feed', 'event', { type: 'effect.confirmed', goal_id: OPEN, data: receipt }],
    ['chimera:dead', 'letter', { id: newId(), stream: 'chimera:goals', entry_id: '0-1' }],
  ]
}

const altered = (row: Row): string =>
  tamper(row.grant_jws, (claims) => ({
    ...claims,
    jti: newId(),
    round: 2,
    args_hash: canonicalHash({ ...row.args, text: 'forged' }),
  }))

/** Each forgery once, then `n` of them in any order: no row and no provider hears of it. */
async function expectNothingChanges({ n, random }: { n: number; random: Random }): Promise<void> {
  const { rig } = faults
  const [open, done] = [await effectOf(OPEN), await effectOf(DONE)]
  const rows = await dump()
  const posts = rig.posts()
  const all = forgeries(open, done)
  const redis = await rig.redis()
  const meta = ['source', 'judge', 'tenant', DEFAULT_TENANT, 'id', newId()]
  const add = async (some: typeof all): Promise<void> => {
    const pipeline = redis.pipeline()
    for (const [stream, field, payload] of some) {
      pipeline.call('XADD', stream, '*', ...meta, field, JSON.stringify(payload))
    }
    await pipeline.exec()
  }
  await add(all)
  for (let left = n; left > 0; left -= 500) {
    await add(Array.from({ length: Math.min(left, 500) }, () => random.pick(all)))
  }
  await drained(faults, 60_000)
  expect(await dump(), 'the record').toEqual(rows)
  expect(rig.posts()).toEqual(posts)
  expect(await lives(faults)).toEqual(before)
  const letters = await readLetters(faults)
  const codes = new Set(letters.map(({ code }) => code))
  expect([...codes].toSorted()).toEqual(['ENTRY_MALFORMED', 'TASK_NOT_FOUND'])
}

guarantee(
  {
    id: 'forged-entries',
    title: 'entries forged onto every stream change nothing',
    n: sampleSize({ ci: 2_000, full: 50_000 }),
    seed: 0,
    timeoutMs: 120_000,
  },
  expectNothingChanges,
)

test('a task forged for another tenant is a dead letter', async () => {
  const { task_id } = await effectOf(DONE)
  const task = {
    task_id,
    parent_goal_id: DONE,
    type: 'CONTENT_GEN',
    payload: {},
    constraints: {},
    status: 'PENDING',
  }
  const fields = ['tenant', newId(), 'task', JSON.stringify(task)]
  const id = await xadd(faults, 'chimera:tasks:CONTENT_GEN', ...fields)
  expect(await letterOf(faults, id)).toMatchObject({ code: 'TENANT_FORBIDDEN' })
})

const keyFile = (name: string): string => join(faults.rig.stateDir, 'keys', name)
const readKey = (name: string): string => readFileSync(keyFile(name), 'utf8').trim()

async function ledger(): Promise<string> {
  const authorization = `Bearer ${readKey('control.token')}`
  const answer = await fetch(new URL('/control/ledger', toolUrl), { headers: { authorization } })
  expect(answer.status).toBe(200)
  return answer.text()
}

const Answer = z.looseObject({
  structuredContent: z.record(z.string(), z.unknown()).default({}),
  _meta: z.record(z.string(), z.unknown()).default({}),
})

/** Carries a grant as a Worker does, with the Workers' own token. */
async function carry(
  grant: string | undefined,
  args: Record<string, unknown>,
): Promise<{ code: unknown; status: unknown; receipt: unknown }> {
  const client = new Client(
    { name: 'by-hand', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const requestInit = { headers: { authorization: `Bearer ${readKey('mcp.token')}` } }
  const url = new URL('/mcp', toolUrl)
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
  try {
    const carried = grant === undefined ? {} : { [META_GRANT]: grant }
    const params = { name: 'post_tweet', arguments: args, _meta: carried }
    const answer = Answer.parse(await client.request({ method: 'tools/call', params }))
    const { structuredContent, _meta: meta } = answer
    const { code, status } = structuredContent
    return { code, status, receipt: meta[META_RECEIPT] }
  } finally {
    await client.close()
  }
}

const ARGS = { text: 'forged', media_ids: [], is_ai_labeled: true }

const Header = z.object({ kid: z.string() })
const partOf = (jws: string, at: 0 | 1): unknown =>
  JSON.parse(Buffer.from(jws.split('.')[at] ?? '', 'base64url').toString())

/** Claims that a sound Judge would sign, for words that nobody granted, and the name of its key. */
async function soundClaims(): Promise<{ claims: GrantClaims; kid: string }> {
  const { grant_jws } = await effectOf(DONE)
  const iat = Math.floor(Date.now() / 1_000)
  const claims = {
    ...GrantClaims.parse(partOf(grant_jws, 1)),
    jti: newId(),
    iat,
    exp: iat + 60,
    round: 2,
    closed_rounds: [1],
    args_hash: canonicalHash(ARGS),
  }
  return { claims, kid: Header.parse(partOf(grant_jws, 0)).kid }
}

/** Signs with a key that was made a moment ago; the header may bring it along. */
async function signByStranger(
  claims: object,
  headerOf: (publicJwk: object) => { kid: string; jwk?: object },
): Promise<string> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({
      alg: 'EdDSA',
      typ: JWS_TYPE.grant,
      ...headerOf(publicKey.export({ format: 'jwk' })),
    })
    .sign(privateKey)
}

const FORGED: [string, () => Promise<string | undefined>][] = [
  ['is missing', async () => undefined],
  ['is no word at all', async () => 'x.y.z'],
  [
    'has no signature',
    async () => `${encode({ alg: 'none' })}.${encode((await soundClaims()).claims)}.`,
  ],
  ['has other words than were signed', async () => altered(await effectOf(OPEN))],
  [
    'is signed by a stranger under the name of our key',
    async () => {
      const { claims, kid } = await soundClaims()
      return signByStranger(claims, () => ({ kid }))
    },
  ],
  [
    'brings its own key',
    async () => {
      const { claims } = await soundClaims()
      return signByStranger(claims, (jwk) => ({ kid: 'mine', jwk: { ...jwk, kid: 'mine' } }))
    },
  ],
  [
    'is signed with the public key as a secret',
    async () => {
      const { claims, kid } = await soundClaims()
      const body = `${encode({ alg: 'HS256', typ: JWS_TYPE.grant, kid })}.${encode(claims)}`
      const secret = readFileSync(keyFile('grant-keys.jwks.json'))
      return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`
    },
  ],
  ['is a receipt', async () => (await effectOf(DONE)).receipt_jws ?? ''],
]

describe('a grant carried to the tool server by hand', () => {
  let lines = ''
  let posts: unknown[] = []
  beforeEach(async () => {
    lines = await ledger()
    posts = faults.rig.posts()
  })
  afterEach(async () => {
    expect(await ledger()).toBe(lines)
    expect(faults.rig.posts()).toEqual(posts)
  })

  test.each(FORGED)('that %s is refused and claims nothing', async (_, forge) => {
    const { code, receipt } = await carry(await forge(), ARGS)
    expect(code).toMatch(/^GRANT_\w+$/)
    expect(receipt).toBeUndefined()
  })

  test.each([OPEN, DONE])('that is known, with other words, speaks of its own: %s', async (id) => {
    const effect = await effectOf(id)
    const { receipt } = await carry(effect.grant_jws, ARGS)
    const said = ReceiptClaims.parse(partOf(String(receipt), 1))
    expect(said.args_hash).toBe(canonicalHash(effect.args))
    expect(said.grant_id).toBe(effect.grant_id)
  })

  test('that is real and carried again is answered with what became of it', async () => {
    const { grant_jws, args } = await effectOf(DONE)
    expect(await carry(grant_jws, args)).toMatchObject({ status: 'CONFIRMED' })
  })

  test.each(['Bearer wrong-token-of-mine', ''])(
    'needs the token of the server, not %j',
    async (authorization) => {
      const answer = await fetch(new URL('/mcp', toolUrl), {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      })
      expect(answer.status).toBe(401)
    },
  )
})

test('after all of it a good goal completes', async () => {
  await faults.rig.misbehave({ fault: 'none' })
  await postGoals(faults, [{ id: 'good', text: 'generic: still here' }])
  expect(await ended(faults.rig, 'good')).toMatchObject({ status: 'COMPLETED' })
  expect(await lives(faults)).toEqual(before)
})

// The last one: what a forged entry starts here goes on.
control(
  {
    guard: "the row's own word on whether it waits for a worker",
    test: 'forged-entries',
    expect: /^the record: expected/,
  },
  async () => {
    await silence(faults.rig, 'worker')
    try {
      await using others = new AsyncDisposableStack()
      others.use(await startCredulousWorker())
      await expectNothingChanges({ n: 0, random: seeded(0) })
    } finally {
      await faults.rig.signal('worker', 'SIGCONT')
    }
  },
)

/** A worker that claims whatever it is told to do. */
async function startCredulousWorker(): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { urls } = await faults.rig.report()
  const log = openLog({ name: 'test', level: 'silent' })
  const redis = stack.use(await openRedis({ url: urls.redis, name: 'test', log }))
  const ask = (statement: Statement): Statement =>
    statement.name === 'claim-tasks'
      ? {
          ...statement,
          name: 'claim-anything',
          text: statement.text.replace(`${inState('t.phase', 'ready')} AND`, ''),
        }
      : statement
  stack.use(
    await startWorker({
      consumerName: 'credulous',
      database: seenThrough(faults.record, { ask }),
      publisher: openPublisher({ redis, source: 'worker' }),
      redisUrl: urls.redis,
      executors: EXECUTORS,
      taskTypes: TaskType.options,
      leaseMs: 15_000,
      caps: { agent: 1_000, tenant: 10_000 },
      toolToken: readKey('mcp.token'),
      log,
      metrics: openMetrics(),
      crash: Object.assign(() => undefined, { isArmed: false }),
      random: Math.random,
    }),
  )
  const open = stack.move()
  return { [Symbol.asyncDispose]: () => open.disposeAsync() }
}
