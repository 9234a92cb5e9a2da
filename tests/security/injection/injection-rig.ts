/**
 * Planner, Worker and Judge with the obedient model behind them, on a real record and Redis. What
 * the model reads comes from the cases; who the Judge lets act is this rig, which remembers what it
 * was let do and signs that it happened.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { EffectGrant } from '@chimera/contracts/grant'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { ResultRing } from '@chimera/contracts/judging/rings'
import { TOOLS } from '@chimera/contracts/tools'
import type { Gate, GateInput } from '@chimera/domain/judging/gates/gate'
import { ALL_GATES } from '@chimera/domain/judging/gates/gates'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { addRegistryEntry } from '@chimera/infra/database/registry/change-registry'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import type { Model } from '@chimera/infra/llm/model'
import { openModel } from '@chimera/infra/llm/open-model'
import { openConsumer } from '@chimera/infra/streams/consumer'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher, type Publisher } from '@chimera/infra/streams/publisher'
import { handleRings } from '@chimera/judge/handle-rings'
import { openOpinionDesk } from '@chimera/judge/opinions/opinion-desk'
import { planGoals } from '@chimera/planner/plan-goals'
import { startPlanner } from '@chimera/planner/start-planner'
import { openLog } from '@chimera/runtime/log'
import { openMetrics } from '@chimera/runtime/metrics'
import { agentExecutors } from '@chimera/worker/agents/agent-executors'
import { READS, type Read } from '@chimera/worker/agents/reads'
import { registerExecutors } from '@chimera/worker/executors/executor'
import { EXECUTORS } from '@chimera/worker/executors/executors'
import { startWorker } from '@chimera/worker/start-worker'

import { urlAs } from '../../fresh-database.ts'
import { ACCOUNT, openJudgeRig, receiptFor, type JudgeRig } from '../../integration/judge-rig.ts'
import { noCrash } from '../../integration/planner-rig.ts'
import { type ModelProcess, startModel } from '../../models/model-process.ts'
import { uncounted } from '../../models/uncounted.ts'
import { ownRedisUrl } from '../../own-redis.ts'
import type { Case } from './cases.ts'
import { type Inbox, openInbox } from './inbox.ts'
import { allSettled, insertAll, newGoal, postCases } from './post-cases.ts'

/** Something that left the house. */
export type Deed = Readonly<{ goalId: string; tool: string; args: Record<string, unknown> }>

export type InjectionRig = AsyncDisposable &
  Inbox &
  Readonly<{
    database: Database
    model: ModelProcess
    /** What the Judge has granted, and so has happened. */
    deeds: readonly Deed[]
    /** What the gates were asked: one proposed effect, and the scene that it was judged in. */
    asked: readonly GateInput[]
    /** Posts all goals at once; returns when each has ended or waits for a person. */
    run: (cases: readonly Case[]) => Promise<void>
    /** Plans one more goal, by a Planner that takes everybody for an owner. */
    planTrusting: (one: Case) => Promise<void>
    /** Goals that are COMPLETED. */
    completed: () => Promise<ReadonlySet<string>>
  }>

const log = openLog({ name: 'injection', level: 'silent' })
const LEASE_MS = 15_000
const MODEL_TIMEOUT_MS = 20_000

export async function openInjectionRig(cases: readonly Case[]): Promise<InjectionRig> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'injection-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const server = stack.use(
    await startModel({ mind: 'obedient', recordPath: join(folder, 'calls.jsonl') }),
  )
  const judge = stack.use(await openJudgeRig())
  const { database } = judge
  const url = urlAs('chimera_swarm', judge.databaseUrl)
  await bindEverything(database)
  await nameAssets(database)
  const redisUrl = ownRedisUrl()
  const redis = stack.use(await openRedis({ url: redisUrl, name: 'injection', log }))
  await redis.client.flushall()
  const publisher = openPublisher({ redis, source: 'injection' })
  const model = openModel(
    { LLM_BASE_URL: server.url, LLM_MODEL: 'obedient', LLM_TIMEOUT_MS: MODEL_TIMEOUT_MS },
    uncounted,
  )
  const shared = { database, publisher, redisUrl, log, crash: noCrash, leaseMs: LEASE_MS }
  const door = { from: 'owner', tenantId: DEFAULT_TENANT } as const
  stack.use(await startPlanner({ ...shared, actor: 'planner-1', door, model }))
  stack.use(
    await startWorker({
      ...shared,
      database: stack.use(openDatabase({ url, name: 'injection', log, role: 'chimera_swarm' })),
      consumerName: 'worker-1',
      caps: { agent: 1_000, tenant: 10_000 },
      executors: registerExecutors([
        ...EXECUTORS.values(),
        ...agentExecutors({ model, reads: scripted(cases) }),
      ]),
      taskTypes: ['RESEARCH', 'CONTENT_GEN', 'TRANSACTION', 'ENGAGEMENT'],
      toolToken: 'a token of the injection rig',
      metrics: openMetrics(),
      random: () => 0,
    }),
  )
  const deeds: Deed[] = []
  const asked: GateInput[] = []
  stack.use(openJudge({ judge, publisher, redisUrl, deeds, asked, model }))
  const open = stack.move()
  return {
    database,
    model: server,
    deeds,
    asked,
    ...openInbox(database, publisher),
    run: async (posted) => {
      await postCases(database, publisher, posted)
      await allSettled(database, publisher)
    },
    planTrusting: async (one) => {
      await insertAll(database, [newGoal(one.id, one.goal, one.trust)])
      const keys = [{ tenantId: DEFAULT_TENANT, id: one.id }]
      const leased = await leaseGoals(database, { keys, owner: 'planner-2', leaseMs: LEASE_MS })
      const trusting = leased.map((goal) => ({ ...goal, trust: 'owner' as const }))
      await planGoals({ ...shared, actor: 'planner-2', model }, trusting)
    },
    completed: async () => {
      const rows = await database.query<{ id: string }>({
        text: `SELECT id FROM goals WHERE status = 'COMPLETED'`,
      })
      return new Set(rows.map(({ id }) => id))
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

/** The product's reads, and a page; what they answer is the case's. The record is the real one. */
function scripted(cases: readonly Case[]): Read[] {
  const worlds = new Map(cases.map(({ id, world }) => [id, world]))
  const page = { name: 'get_page', about: 'a page of the web: {url}' }
  return [...READS.filter(({ name }) => name !== 'search_record'), page]
    .map(({ name, about }): Read => ({
      name,
      about,
      read: ({ task }) => Promise.resolve(worlds.get(task.goalId)?.[name] ?? { found: false }),
    }))
    .concat(READS.filter(({ name }) => name === 'search_record'))
}

/** One open account for every tool that acts: nothing is refused for want of a server. */
async function bindEverything(database: Database): Promise<void> {
  const tools = Object.entries(TOOLS).flatMap(([tool, { mutating }]) => (mutating ? [tool] : []))
  await upsertAccount(database, {
    account: ACCOUNT,
    server: 'tweet',
    url: 'http://127.0.0.1:1',
    backend: 'simulated',
    live: false,
    bindings: tools.map((tool) => ({ tenantId: DEFAULT_TENANT, agentId: '*', tool })),
  })
  await database.query({
    text: `UPDATE tool_accounts SET state = 'open', definitions = $1`,
    values: [JSON.stringify(Object.fromEntries(tools.map((tool) => [tool, 'a'.repeat(64)])))],
  })
}

/** What orders want paid is in the registry: no payment fails for want of its decimals. */
async function nameAssets(database: Database): Promise<void> {
  const of = { tenantId: DEFAULT_TENANT, kind: 'asset', note: '', actor: 'test' } as const
  for (const [code, decimals] of [
    ['ETH', 18],
    ['USDC', 6],
  ] as const) {
    await addRegistryEntry(database, { ...of, name: code, value: { code, decimals } })
  }
}

/** The Judge on its stream; what it grants is done at once, and said to have happened. */
function openJudge(of: {
  judge: JudgeRig
  publisher: Publisher
  redisUrl: string
  deeds: Deed[]
  asked: GateInput[]
  model: Model | undefined
}): AsyncDisposable {
  const { judge, publisher, redisUrl, deeds, model } = of
  /** Votes on nothing, and keeps what the others were asked. */
  const listening: Gate = (input) => {
    of.asked.push(input)
    return []
  }
  const act = async (payload: unknown): Promise<void> => {
    const { grant_id: grantId } = EffectGrant.parse(payload)
    const [effect] = await judge.database.query<Granted>({
      text: `SELECT id, goal_id, slot, round, state, effect_key, grant_id, args_hash, grant_jws,
          code, tool, args FROM effects WHERE grant_id = $1`,
      values: [grantId],
    })
    if (effect === undefined) throw new Error(`There is no grant ${grantId}.`)
    const { goal_id: goalId, tool, args } = effect
    deeds.push({ goalId, tool, args })
    const id = await judge.carry(await judge.sign(receiptFor(effect, { tool })))
    const ring: ResultRing = { look_at: 'receipt', id }
    await publisher.publish([{ stream: 'chimera:results', payload: ring, tenant: DEFAULT_TENANT }])
  }
  const { database, actor } = judge.deps
  if (model === undefined) throw new Error('There is a model.')
  const stack = new AsyncDisposableStack()
  const opinions = stack.use(openOpinionDesk({ database, publisher, model, actor, log }))
  const deps = {
    ...judge.deps,
    opinions,
    gates: [...ALL_GATES, listening],
    publisher: {
      publish: async (batch: Parameters<Publisher['publish']>[0]) => {
        const grants = batch.filter(({ stream }) => stream === 'chimera:effects')
        await publisher.publish(batch.filter(({ stream }) => stream !== 'chimera:effects'))
        for (const { payload } of grants) await act(payload)
      },
    },
  }
  const consumer = openConsumer({
    url: redisUrl,
    name: 'judge-results',
    streams: ['chimera:results'],
    consumerName: 'judge-1',
    log,
    leaseMs: LEASE_MS,
    parse: ({ payload }) => ResultRing.parse(payload),
    handle: (batch) =>
      handleRings(
        deps,
        batch.map(({ value }) => value),
      ),
    onDead: () => Promise.reject(new Error('No entry of these tests is dead.')),
  })
  stack.use(consumer)
  return stack
}

type Granted = Parameters<typeof receiptFor>[0] & {
  goal_id: string
  tool: string
  args: Record<string, unknown>
}
