import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import type { ProposedEffect } from '@chimera/contracts/effect'
import { JWS_TYPE, type ReceiptClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { TaskResult } from '@chimera/contracts/task-result'
import {
  type Database,
  type DatabaseRole,
  openDatabase,
} from '@chimera/infra/database/open-database'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { openJudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import type { Publication } from '@chimera/infra/streams/publisher'
import type { JudgeDeps } from '@chimera/judge/handle-rings'
import { openLog } from '@chimera/runtime/log'
import { CompactSign, calculateJwkThumbprint, importJWK, type JWK } from 'jose'
import { afterAll, beforeAll } from 'vitest'

import { openFreshDatabase, urlAs } from '../fresh-database.ts'

/** A Judge of its own record, with real keys; what it publishes is kept for the test to read. */
export type JudgeRig = AsyncDisposable & {
  readonly deps: JudgeDeps
  readonly database: Database
  readonly databaseUrl: string
  readonly published: Publication[]
  /** Another Judge on the same record, with connections of its own. */
  another(): JudgeDeps
  /** Signs a receipt as the tool server of the account would; `by` another key forges it. */
  sign(claims: ReceiptClaims, by?: 'forger'): Promise<string>
  /** Writes a receipt as a Worker would; answers its id. */
  carry(jws: string): Promise<string>
}

const makeJwk = (): JWK => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })

export const ACCOUNT = 'x:default'
export const BOOT = newId()
export const LEDGER = newId()

export async function openJudgeRig(): Promise<JudgeRig> {
  const stack = new AsyncDisposableStack()
  const fresh = stack.use(await openFreshDatabase())
  const log = openLog({ name: 'judge-rig', level: 'silent' })
  const folder = mkdtempSync(join(tmpdir(), 'judge-rig-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [judgeKey, toolKey, forgerKey] = [makeJwk(), makeJwk(), makeJwk()]
  const kid = await calculateJwkThumbprint(toolKey)
  const jwksFile = join(folder, 'receipts.json')
  const { d: _private, ...publicKey } = toolKey
  writeFileSync(jwksFile, JSON.stringify({ keys: [{ ...publicKey, kid, alg: 'EdDSA' }] }))
  const words = await openJudgeWords(JSON.stringify(judgeKey))
  const receiptKeys = openReceiptKeys(jwksFile)
  const published: Publication[] = []
  const open = (role?: DatabaseRole): Database => {
    const url = urlAs(role, fresh.databaseUrl)
    const as = role === undefined ? {} : { role }
    return stack.use(openDatabase({ url, name: 'judge-rig', log, max: 10, ...as }))
  }
  const judge = (database: Database, actor: string): JudgeDeps => ({
    database,
    words,
    receiptKeys,
    log,
    actor,
    // Nobody answers the grants of these tests, so that a bound would fill up.
    maxGranted: 100_000,
    // Tests say the same words again and again.
    repeatDays: 0,
    crash: Object.assign(() => {}, { isArmed: false }),
    publisher: {
      publish: (batch) => {
        published.push(...batch)
        return Promise.resolve()
      },
    },
  })
  const database = open()
  await openAccount(database)
  return {
    deps: judge(open('chimera_swarm'), 'judge-1'),
    database,
    databaseUrl: fresh.databaseUrl,
    published,
    another: () => judge(open('chimera_swarm'), `judge-${newId()}`),
    sign: async (claims, by) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: JWS_TYPE.receipt })
        .sign(await importJWK(by === 'forger' ? forgerKey : toolKey, 'EdDSA')),
    carry: async (jws) => {
      const id = newId()
      await database.query({
        text: 'INSERT INTO receipts (id, grant_id, jws, carried_by) VALUES ($1, $2, $3, $4)',
        values: [id, newId(), jws, 'worker-1'],
      })
      return id
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function openAccount(database: Database): Promise<void> {
  await upsertAccount(database, {
    account: ACCOUNT,
    server: 'tweet',
    url: 'http://127.0.0.1:1',
    backend: 'simulated',
    live: false,
    bindings: [{ tenantId: DEFAULT_TENANT, agentId: '*', tool: 'post_tweet' }],
  })
  await database.query({
    text: `UPDATE tool_accounts SET state = 'open', boot = $1, ledger_id = $2, definitions = $3`,
    values: [BOOT, LEDGER, JSON.stringify({ post_tweet: 'a'.repeat(64) })],
  })
}

/**
 * The Judge of one test file, to be asked for at its top: opened before the first test, closed
 * after the last.
 */
export function judgeOfFile(): Omit<JudgeRig, typeof Symbol.asyncDispose> {
  let opened: JudgeRig | undefined
  beforeAll(async () => {
    opened = await openJudgeRig()
  })
  afterAll(() => opened?.[Symbol.asyncDispose]())
  const open = (): JudgeRig => {
    if (opened === undefined) throw new Error('The Judge of this file is not open yet.')
    return opened
  }
  return {
    get deps() {
      return open().deps
    },
    get database() {
      return open().database
    },
    get databaseUrl() {
      return open().databaseUrl
    },
    get published() {
      return open().published
    },
    another: () => open().another(),
    sign: (claims, by) => open().sign(claims, by),
    carry: (jws) => open().carry(jws),
  }
}

const AUDIT = newId()

type PlannedTask = {
  effects?: readonly ProposedEffect[]
  confidence?: number
  after?: number[]
  constraints?: object
  /** What the result holds besides. */
  result?: Partial<TaskResult>
}

/**
 * A goal that has been planned: its tasks are in REVIEW with a result each, or blocked behind
 * one.
 */
export async function plannedGoal(
  database: Database,
  of: {
    id: string
    tenantId?: string
    text?: string
    maxCostUsd?: number
    slots?: readonly string[]
    tasks: readonly PlannedTask[]
  },
): Promise<string[]> {
  const { tenantId = DEFAULT_TENANT, text = 'publish a tweet: hello world' } = of
  const content = { text, ...(of.maxCostUsd === undefined ? {} : { max_cost_usd: of.maxCostUsd }) }
  await database.query({
    text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, source, trust,
        content, content_hash, tasks_total, tasks_open, audit_id)
      VALUES ($1, $2, $3, 'ACTIVE', 'paper', 'default', 'cli', 'owner', $4, $5, $6, $6, $7)`,
    values: [
      tenantId,
      of.id,
      newId(),
      JSON.stringify(content),
      canonicalHash(content),
      of.tasks.length,
      AUDIT,
    ],
  })
  for (const slot of of.slots ?? []) {
    await database.query({
      text: `INSERT INTO slots (tenant_id, goal_id, slot, tool) VALUES ($1, $2, $3, 'post_tweet')`,
      values: [tenantId, of.id, slot],
    })
  }
  const ids = of.tasks.map(() => newId())
  for (const [index, task] of of.tasks.entries())
    await insertTask(database, { tenantId, id: of.id }, ids, index, task)
  return ids
}

async function insertTask(
  database: Database,
  goal: { tenantId: string; id: string },
  ids: readonly string[],
  index: number,
  task: PlannedTask,
): Promise<void> {
  const id = ids[index]
  const parents = task.after ?? []
  const isBlocked = parents.length > 0
  await database.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        attempt, parents_open, audit_id, result_at)
      VALUES ($1, $2, $3, $4, 'CONTENT_GEN', 'tweet.post', $5, $6, $7, $8, $9, now())`,
    values: [
      id,
      goal.tenantId,
      goal.id,
      newId(),
      isBlocked ? 'PENDING' : 'REVIEW',
      isBlocked ? 'blocked' : 'judging',
      isBlocked ? 0 : 1,
      parents.length,
      AUDIT,
    ],
  })
  await database.query({
    text: `INSERT INTO task_payloads (task_id, payload, constraints) VALUES ($1, '{}', $2)`,
    values: [id, JSON.stringify(task.constraints ?? {})],
  })
  for (const parent of parents) {
    await database.query({
      text: 'INSERT INTO task_dependencies (parent_id, child_id) VALUES ($1, $2)',
      values: [ids[parent], id],
    })
  }
  if (isBlocked) return
  const outcome = {
    outcome: 'result',
    result: {
      confidence: task.confidence ?? 1,
      artifacts: [],
      evidence: [],
      proposed_effects: task.effects ?? [],
      ...task.result,
    },
  }
  await database.query({
    text: `INSERT INTO task_results (task_id, attempt, worker, outcome)
      VALUES ($1, 1, 'worker-1', $2)`,
    values: [id, JSON.stringify(outcome)],
  })
}

/** The tweet that `plannedGoal` asks for, in the owner's words. */
export const tweetEffect = (
  slot = 'publish',
  span: [number, number] = [17, 28],
): ProposedEffect => ({
  slot,
  tool: 'post_tweet',
  args: {
    text: 'publish a tweet: hello world'.slice(...span),
    media_ids: [],
    is_ai_labeled: true,
  },
  provenance: {
    '/text': { source: 'goal', path: '/text', span },
    '/media_ids': { source: 'default', rule: 'no-media' },
    '/is_ai_labeled': { source: 'default', rule: 'ai-labeled' },
  },
})

/** An effect as the record has it. */
export type EffectRow = {
  id: string
  slot: string
  round: number
  state: string
  effect_key: string
  grant_id: string
  args_hash: string
  grant_jws: string
  code: string | null
}

export const effectsOf = (database: Database, goalId: string): Promise<EffectRow[]> =>
  database.query<EffectRow>({
    text: `SELECT id, slot, round, state, effect_key, grant_id, args_hash, grant_jws, code
      FROM effects WHERE goal_id = $1 ORDER BY slot, round`,
    values: [goalId],
  })

/** A receipt for the effect as its tool server would state it. */
export const receiptFor = (
  effect: EffectRow,
  over: Partial<ReceiptClaims> = {},
): ReceiptClaims => ({
  iss: ACCOUNT,
  iat: Math.floor(Date.now() / 1000),
  ledger_id: LEDGER,
  boot: BOOT,
  seq: 5,
  grant_id: effect.grant_id,
  effect_key: effect.effect_key,
  round: effect.round,
  args_hash: effect.args_hash,
  tool: 'post_tweet',
  mode: 'paper',
  state: 'CONFIRMED',
  provider_ref: `ref-${effect.id}`,
  cost_usd_micros: '15000',
  simulated: true,
  ...over,
})
