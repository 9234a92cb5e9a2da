import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { canonicalHash } from '@chimera/contracts/canonical'
import { META_RECEIPT } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import type { CallContext } from '@chimera/mcp-kit/serving/call-context'
import {
  defineEffectTool,
  defineReadTool,
  type ServedTool,
  type ToolDefinition,
} from '@chimera/mcp-kit/serving/define-tool'
import { serveHttp } from '@chimera/mcp-kit/serving/serve-http'
import type { ToolServer } from '@chimera/mcp-kit/tool-server'
import { z } from 'zod'

import { CHECKOUT } from '../source-tree.ts'
import { readyTasks, type WorkerRig } from './worker-rig.ts'

/** A call as it arrived at the server. */
export type Call = Readonly<{ tool: string; args: unknown; context: CallContext }>

/** What the server answers with: a receipt, or nothing that one could believe. */
export type Answer = (call: Call) => Promise<{ receipt?: string }> | { receipt?: string }

const HINTS = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: true,
}

const postTweet = defineEffectTool({
  name: 'post_tweet',
  title: 'Post a tweet',
  description: 'Posts one tweet.',
  scope: 'tweet:write',
  annotations: HINTS,
  input: { text: z.string(), media_ids: z.array(z.string()), is_ai_labeled: z.boolean() },
  output: { id: z.string() },
  plan: () => ({ code: 'TOOL_FAILED', detail: 'The double plans nothing.' }),
  describe: () => ({}),
})

const getCandles = defineReadTool({
  name: 'get_candles',
  title: 'Candles',
  description: 'Reads candles.',
  scope: 'trade:read',
  input: { symbol: z.string() },
  output: { closes: z.array(z.number()) },
  read: ({ symbol }) => Promise.resolve({ closes: [symbol.length] }),
})

const Definitions = z.array(z.looseObject({ name: z.string() }))

/** Shows itself as the tool of that name which was reviewed, so that Workers call it. */
function asReviewed<T extends ServedTool>(tool: T, file: string): T {
  const path = join(CHECKOUT, 'contracts', 'schemas', 'tools', file)
  const all = Definitions.parse(JSON.parse(readFileSync(path, 'utf8')))
  const found = all.find(({ name }) => name === tool.definition.name)
  return { ...tool, definition: z.custom<ToolDefinition>(() => found !== undefined).parse(found) }
}

const reviewedTweet = asReviewed(postTweet, 'tweet.json')
const reviewedCandles = asReviewed(getCandles, 'trading.json')

/** A tool server with the kit's own doors, and answers of the test's behind them. */
export async function openToolServerDouble(of: {
  answer: Answer
  token: string
  port?: number
  control?: Partial<ToolServer['control']>
}) {
  const calls: Call[] = []
  const unused = (): never => {
    throw new Error('The double has no such control.')
  }
  const server: ToolServer = {
    name: 'tweet',
    tools: [reviewedTweet, reviewedCandles],
    call: async (tool, args, context) => {
      const call = { tool: tool.definition.name, args, context }
      calls.push(call)
      if (tool.kind === 'read') {
        const fields = { status: 'OK', ...(await tool.read(args)) }
        return { content: [], structuredContent: fields, isError: false }
      }
      const { receipt } = await of.answer(call)
      return {
        content: [],
        structuredContent: { status: 'NONE', code: 'SERVER_CLOSED' },
        isError: receipt === undefined,
        ...(receipt === undefined ? {} : { _meta: { [META_RECEIPT]: receipt } }),
      }
    },
    control: {
      status: unused,
      hello: unused,
      voidGrant: unused,
      settle: unused,
      adopt: unused,
      backup: unused,
      reconcile: unused,
      fence: unused,
      entries: unused,
      kill: { show: unused, set: unused },
      ...of.control,
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const quiet = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  }
  const serving = await serveHttp({
    server,
    host: '127.0.0.1',
    port: of.port ?? 0,
    tokens: { mcp: of.token, control: 'the-control-token', stop: 'the-stop-token' },
    log: quiet,
  })
  return {
    url: serving.url,
    calls,
    definitions: { post_tweet: canonicalHash(reviewedTweet.definition) },
    candleDefinition: reviewedCandles.definition,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

export const TWEET = { text: 'hello world', media_ids: [], is_ai_labeled: true }

/** Tells the record where the server is and what it pinned of it. */
export async function openAccount(
  database: Database,
  of: { account: string; url: string; definitions: Readonly<Record<string, string>> },
): Promise<void> {
  await upsertAccount(database, {
    account: of.account,
    server: 'tweet',
    url: of.url,
    backend: 'simulated',
    live: false,
    bindings: [
      { tenantId: DEFAULT_TENANT, agentId: '*', tool: 'post_tweet' },
      { tenantId: DEFAULT_TENANT, agentId: '*', tool: 'get_candles' },
    ],
  })
  await database.query({
    text: `UPDATE tool_accounts SET state = 'open', definitions = $2 WHERE account = $1`,
    values: [of.account, JSON.stringify(of.definitions)],
  })
}

/** An effect that the Judge has granted; answers the grant's id. */
export async function grantedEffect(
  database: Database,
  of: { account: string; state?: string; cancelling?: boolean },
): Promise<string> {
  const goalId = newId()
  const [taskId] = await readyTasks(database, [{ kind: 'noop', index: 0 }], { goalId })
  await database.query({
    text: `INSERT INTO slots (tenant_id, goal_id, slot, tool)
      VALUES ($1, $2, 'publish', 'post_tweet')`,
    values: [DEFAULT_TENANT, goalId],
  })
  const grantId = newId()
  await database.query({
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, grant_id, grant_jws,
        granted_at, cancelling, audit_id)
      VALUES ($1, $2, $3, $4, 1, 'publish', 1, $3, $1, $9, 'post_tweet', $5, 'paper', $6, 'hash',
        '{}', $7, $8, now(), $10, $1)`,
    values: [
      newId(),
      DEFAULT_TENANT,
      goalId,
      taskId,
      of.account,
      JSON.stringify(TWEET),
      grantId,
      `grant of ${grantId}`,
      of.state ?? 'GRANTED',
      of.cancelling ?? false,
    ],
  })
  return grantId
}

/** Rings for a grant, as the Judge does. */
export const publishGrant = (
  rig: Pick<WorkerRig, 'publisher'>,
  grantId: string,
  over: { tool?: string; grant?: string } = {},
): Promise<void> =>
  rig.publisher.publish([
    {
      stream: 'chimera:effects',
      payload: {
        effect_id: newId(),
        grant_id: grantId,
        account: 'x:somebody',
        tool: over.tool ?? 'post_tweet',
        grant: over.grant ?? 'what the entry says',
      },
    },
  ])

export const receiptsOf = (database: Database, grantId: string) =>
  database.query<{ id: string; jws: string; carried_by: string }>({
    text: 'SELECT id, jws, carried_by FROM receipts WHERE grant_id = $1 ORDER BY id',
    values: [grantId],
  })
