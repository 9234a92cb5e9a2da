/** The router of models as people see it: figures, circuits by hand, decisions on the feed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { registerOperatorCommands } from '@chimera/cli/commands/operator-commands'
import { EXIT, exitCodeOf } from '@chimera/cli/exit-codes'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { RouterTest, RouterView } from '@chimera/contracts/models/router-view'
import { FeedEvent } from '@chimera/contracts/trail/feed'
import { moveCircuits } from '@chimera/infra/database/circuits/move-circuits'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { type Database, openDatabase } from '@chimera/infra/database/open-database'
import { createToken } from '@chimera/infra/database/tokens/create-token'
import { openRecordCircuits } from '@chimera/infra/llm/circuits/record-circuits'
import type { Model } from '@chimera/infra/llm/model'
import { openModel } from '@chimera/infra/llm/open-model'
import { openRoleModel } from '@chimera/infra/llm/open-role-model'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openLog } from '@chimera/runtime/log'
import { Command } from 'commander'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { tier, writeCascade } from '../models/cascade-file.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'
import { uncounted } from '../models/uncounted.ts'
import { type GatewayRig, openGatewayRig, problemIn } from './gateway-rig.ts'
import { audited } from './planner-rig.ts'

const log = openLog({ name: 'gateway-router', level: 'silent' })
const KEY = 'a-key-that-nobody-may-read'

let folder: string
let rig: GatewayRig
let server: ModelProcess
let swarm: Database
let environment: Record<string, string>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gateway-router-'))
  rig = await openGatewayRig()
  server = await startModel({ mind: 'scripted', recordPath: join(folder, 'calls.jsonl') })
  const own = rig.database.databaseUrl
  const url = urlAs('chimera_swarm', own)
  swarm = openDatabase({ url, name: 'gateway-router', log, role: 'chimera_swarm' })
  const paid = { privacy: 'any', usd_per_million: { input: '5', output: '20' } } as const
  const { LLM_CASCADE_FILE: file } = writeCascade(join(folder, 'cascade.json'), {
    tiers: [
      tier('near', server.url),
      tier('far', server.url, { ...paid, key: { env: 'OPENAI_API_KEY' } }),
    ],
  })
  environment = { LLM_CASCADE_FILE: file, OPENAI_API_KEY: KEY, DATABASE_URL: own }
})
beforeEach(() => server.tell({ fault: 'none' }))
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await swarm[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** What the command prints with --json; it may end with a code of its own. */
async function run(...args: string[]): Promise<{ printed: unknown; code: number }> {
  const lines: string[] = []
  const program = new Command('chimera').exitOverride()
  registerOperatorCommands(program, {
    env: { ...environment, CHIMERA_GATEWAY_URL: rig.url, CHIMERA_TOKEN: rig.token },
    out: (line) => lines.push(line),
    err: () => {},
  })
  const code = await program
    .parseAsync(['router', ...args, '--json'], { from: 'user' })
    .then(() => EXIT.ok, exitCodeOf)
  return { printed: lines.length === 0 ? undefined : JSON.parse(lines.join('\n')), code }
}

const tiers = async (...args: string[]) => RouterView.parse((await run(...args)).printed).tiers
const status = async () =>
  Object.fromEntries((await tiers('status')).map((each) => [each.name, each]))

/** The model of a role; what it counts is written down when it ends. */
async function withModel<T>(work: (model: Model) => Promise<T>): Promise<T> {
  await using model = await openRoleModel({
    config: {
      LLM_CASCADE_FILE: environment['LLM_CASCADE_FILE'],
      OPENAI_API_KEY: KEY,
      LLM_TIMEOUT_MS: 2_000,
      LLM_INPUT_USD_PER_MILLION: '0',
      LLM_OUTPUT_USD_PER_MILLION: '0',
    },
    database: swarm,
    publisher: openPublisher({ redis: rig.redis, source: 'planner' }),
    actor: 'planner-1',
    log,
  })
  if (model === undefined) throw new Error('There is no model.')
  return await work(model)
}

async function newGoal(): Promise<string> {
  const id = `g-${newId()}`
  const goal = { id, text: 'generic: think', mode: 'paper', max_cost_usd: 1 } as const
  const one = { tenantId: DEFAULT_TENANT, id, goal, source: 'cli', trust: 'owner' } as const
  await audited(rig.database, (tx, audit) => insertGoals(tx, [one], audit))
  return id
}

const says = (model: string) => server.tell({ model, say: [{ text: '{"colour":"red"}' }] })
const ask = (model: Model, goalId: string) =>
  model.complete({
    instructions: 'Name the colour.',
    parts: [],
    schema: z.strictObject({ colour: z.string() }),
    asked: { tenantId: DEFAULT_TENANT, goalId },
  })

/** Decisions about a goal, as anyone may read them. */
async function decisions(goalId: string): Promise<FeedEvent[]> {
  const entries = await rig.redis.client.xrange('chimera:feed', '-', '+')
  return entries
    .flatMap(([, fields]) => fields.filter((_, at) => fields[at - 1] === 'event'))
    .map((text) => FeedEvent.parse(JSON.parse(text)))
    .filter(({ type, goal_id: id }) => type === 'router.decision' && id === goalId)
}

test('every tier is shown before it was asked, without its key', async () => {
  await withModel(() => Promise.resolve())
  const shown = await status()
  expect(shown).toMatchObject({
    near: { state: 'closed', health: 'unknown', key: 'none', tier: { place: 0, privacy: 'local' } },
    far: { state: 'closed', key: expect.stringMatching(/^[0-9a-f]{12}$/), total: 0 },
  })
  expect(JSON.stringify(shown)).not.toContain(KEY)
})

test('a question leaves figures, and a decision that names every candidate', async () => {
  const goalId = await newGoal()
  await server.tell({ fault: '503', model: 'near' })
  await says('far')
  await withModel((model) => ask(model, goalId))
  await expect
    .poll(() => decisions(goalId), { timeout: 10_000 })
    .toMatchObject([
      {
        summary: 'far answers (near failed: MODEL_UNAVAILABLE; far answered)',
        data: {
          chosen: 'far',
          requests: 2,
          usd: expect.stringMatching(/^0\.00\d+$/),
          '1.near': 'failed: MODEL_UNAVAILABLE',
          '2.far': 'answered',
        },
      },
    ])
  expect(await status()).toMatchObject({
    near: {
      health: 'unhealthy',
      total: 1,
      failed: 1,
      failures: 1,
      last_error: 'MODEL_UNAVAILABLE',
    },
    far: { health: 'healthy', total: 1, ok: 1, usd: expect.stringMatching(/^0\.00\d+$/) },
  })
})

test('what a person opens nobody asks until one closes it, and the audit has both', async () => {
  const opened = await tiers('open', 'near', '--reason', 'it makes things up')
  expect(opened).toMatchObject([
    { name: 'near', state: 'open', open_until: null, health: 'disabled' },
  ])
  await says('far')
  const before = server.calls().length
  const goalId = await newGoal()
  await withModel((model) => ask(model, goalId))
  expect(server.calls().length - before).toBe(1)
  await expect
    .poll(async () => (await decisions(goalId))[0]?.data['1.near'], { timeout: 10_000 })
    .toBe('skipped: held_open it makes things up')
  expect(await tiers('close', 'near', '--reason', 'mended')).toMatchObject([{ state: 'closed' }])
  await says('near')
  await withModel((model) => ask(model, goalId))
  const rows = await rig.database.query<{ items: unknown }>({
    text: `SELECT items FROM audit_entries WHERE items @> '[{"subject": "circuit"}]' ORDER BY id`,
  })
  expect(rows.map(({ items }) => items)).toMatchObject([
    [{ from: 'closed', to: 'open', note: 'it makes things up' }],
    [{ from: 'open', to: 'closed', note: 'mended' }],
  ])
})

/** A model that has just seen a closed circuit; its clock stands still but while `open` works. */
async function expectNobodyAsks(open: (tier: string) => Promise<{ tookMs: number }>) {
  let nowMs = 0
  const circuits = openRecordCircuits(swarm, () => nowMs)
  const { LLM_CASCADE_FILE: file = '' } = environment
  const config = { LLM_CASCADE_FILE: file, OPENAI_API_KEY: KEY, LLM_TIMEOUT_MS: 2_000 }
  const model = openModel(config, uncounted, { circuits, only: 'near' })
  if (model === undefined) throw new Error('There is no model.')
  await says('near')
  await ask(model, 'none')
  const before = server.calls().length
  const { tookMs } = await open('near')
  nowMs += tookMs
  const asked = await ask(model, 'none').catch((error: unknown) => error)
  await tiers('close', 'near', '--reason', 'after the test')
  expect(server.calls().length - before, 'calls after the answer').toBe(0)
  expect(asked).toMatchObject({ code: 'MODEL_NONE_FITS' })
}

const answered = {
  id: 'router-open-answered',
  title: 'who has the answer that a tier is open knows that nobody asks it any more',
}
guarantee({ ...answered, n: 1, seed: 1 }, () =>
  expectNobodyAsks(async (name) => {
    const began = performance.now()
    await tiers('open', name, '--reason', 'too dear')
    return { tookMs: performance.now() - began }
  }),
)
control(
  {
    guard: 'the wait before the answer',
    test: answered.id,
    expect: /calls after the answer: expected [12] to be \+?0/,
  },
  () =>
    expectNobodyAsks(async (name) => {
      const of = { verb: 'open', reason: 'too dear', actor: 'test' } as const
      await moveCircuits(rig.database, { ...of, tier: name })
      return { tookMs: 0 }
    }),
)

test('a reset forgets figures, and all means all', async () => {
  await withModel(async (model) => {
    await says('near')
    await ask(model, await newGoal())
  })
  expect((await status())['near']?.total).toBeGreaterThan(0)
  expect(await tiers('reset', '--all', '--reason', 'a new month')).toMatchObject([
    { name: 'near', total: 0 },
    { name: 'far', total: 0 },
  ])
})

test('a test asks each tier past its circuit, pays, and says who does not answer', async () => {
  await tiers('open', 'far', '--reason', 'too dear')
  await server.tell({ fault: '401', model: 'near' })
  await server.tell({ model: 'far', say: [{ text: '{"word":"ready"}' }] })
  const { printed, code } = await run('test')
  expect(code).toBe(EXIT.failed)
  expect(RouterTest.parse(printed).tiers).toMatchObject([
    { name: 'near', ok: false, code: 'MODEL_UNAUTHORIZED' },
    { name: 'far', ok: true, usd: expect.stringMatching(/^0\.00\d+$/) },
  ])
  const [paid] = await rig.database.query<{ spent: string; reserved: string }>({
    text: `SELECT spent, reserved FROM budgets WHERE scope = 'tenant' AND asset = 'MODELUSD'`,
  })
  expect(Number(paid?.spent)).toBeGreaterThan(0)
  expect(paid?.reserved).toBe('0')
  await tiers('reset', '--all', '--reason', 'after the test')
  expect((await run('test', 'nowhere')).code).toBe(EXIT.notFound)
})

test.each([
  ['an unknown tier', ['close', 'nobody', '--reason', 'x'], EXIT.notFound],
  ['no tier and no --all', ['close', '--reason', 'x'], EXIT.usage],
  ['a tier and --all', ['close', 'near', '--all', '--reason', 'x'], EXIT.usage],
] as const)('%s is refused', async (_what, args, code) => {
  expect((await run(...args)).code).toBe(code)
})

test('only the house moves circuits, and by the schema', async () => {
  const of = { tenantId: DEFAULT_TENANT, name: newId(), scopes: ['write'], actor: 'test' } as const
  const { secret } = await createToken(rig.database, of)
  const body = { tier: 'near', reason: 'x' }
  const refused = await rig.post('/v1/router/open', body, { authorization: `Bearer ${secret}` })
  expect(await problemIn(refused)).toMatchObject({ code: 'FORBIDDEN' })
  const invalid = await rig.post('/v1/router/open', { tier: 'near' })
  expect(await problemIn(invalid)).toMatchObject({ code: 'INPUT_INVALID' })
})
