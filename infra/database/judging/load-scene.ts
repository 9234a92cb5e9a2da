import type { EffectState } from '@chimera/contracts/effect'
import type { AttemptOutcome } from '@chimera/contracts/task-result'
import type { ToolState } from '@chimera/contracts/tool-control'
import { z } from 'zod'

import type { KillRow } from '../kill/kill-row.ts'
import { readKill } from '../kill/read-kill.ts'
import type { Sql } from '../open-database.ts'
import { type LoadedPolicy, loadPolicies } from '../policies/load-policies.ts'
import { type AssetPrice, readPrices } from '../policies/prices.ts'
import { loadHouse, type LoadedHouse } from './load-house.ts'

/** What the record says about the effects of some goals: plan, rounds, accounts, stops. */
export type LoadedScene = {
  incarnation: string
  /** The database's clock, milliseconds since 1970. */
  nowMs: number
  fences: ReadonlyMap<string, { epoch: number; stopped: boolean }>
  kill: ReadonlyMap<string, KillRow>
  slots: { tenantId: string; goalId: string; slot: string; tool: string }[]
  rounds: {
    effectId: string
    versionId: string
    approvals: string[]
    taskId: string
    tenantId: string
    goalId: string
    slot: string
    round: number
    state: EffectState
    argsHash: string
    code: string | null
  }[]
  bindings: { tenantId: string; agentId: string; tool: string; account: LoadedAccount }[]
  policies: LoadedPolicy[]
  prices: AssetPrice[]
  /** Registry, personas, and what was said before. */
  house: LoadedHouse
}

export type LoadedAccount = {
  account: string
  live: boolean
  state: ToolState
  reason: string | null
  boot: string | null
  ledgerId: string | null
  definitions: Record<string, string>
  /** Grants that are out: given, and not answered yet. */
  granted: number
  /** The same of the tool alone. */
  grantedOfTool: number
  /** The last cooldown that it named for the tool within a day. */
  cooldown: { until: string; leftMs: number } | null
}

const Definitions = z.record(z.string(), z.string())

/** Reads the scene of the goals whose attempts propose effects. Not on the path of other tasks. */
export async function loadScene(
  sql: Sql,
  goals: readonly {
    tenantId: string
    goalId: string
    taskId: string
    outcome: AttemptOutcome
    goal: { agentId: string }
  }[],
  of: { repeatDays: number },
): Promise<LoadedScene> {
  const keys = [goals.map((goal) => goal.tenantId), goals.map((goal) => goal.goalId)]
  const tenants = [...new Set(goals.map((goal) => goal.tenantId))]
  const [life, fences, kill, slots, rounds, bindings, policies, prices, house] = await Promise.all([
    readLife(sql),
    readFences(sql),
    readKill(sql),
    sql.query<{ tenant_id: string; goal_id: string; slot: string; tool: string }>({
      name: 'scene-slots',
      text: `SELECT s.tenant_id, s.goal_id, s.slot, s.tool FROM slots s
        JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS k(tenant_id, goal_id)
        USING (tenant_id, goal_id)`,
      values: keys,
    }),
    readRounds(sql, keys),
    readBindings(sql, tenants),
    loadPolicies(sql, tenants),
    readPrices(sql, tenants),
    loadHouse(sql, goals, of),
  ])
  return {
    ...life,
    fences,
    kill,
    slots: slots.map((row) => ({
      tenantId: row.tenant_id,
      goalId: row.goal_id,
      slot: row.slot,
      tool: row.tool,
    })),
    rounds,
    bindings,
    policies,
    prices,
    house,
  }
}

/** The record's incarnation and the database's clock. */
export async function readLife(sql: Sql): Promise<{ incarnation: string; nowMs: number }> {
  const [row] = await sql.query<{ incarnation: string; now_ms: string }>({
    name: 'record-life',
    text: `SELECT incarnation, (extract(epoch FROM now()) * 1000)::bigint AS now_ms
      FROM record_incarnation`,
  })
  if (row === undefined) throw new Error('The record has no incarnation; run the migrations.')
  return { incarnation: row.incarnation, nowMs: Number(row.now_ms) }
}

/** Every fence: scope -> epoch and whether a stop is in force. `lock` holds them for a grant. */
export async function readFences(
  sql: Sql,
  lock = false,
): Promise<Map<string, { epoch: number; stopped: boolean }>> {
  const rows = await sql.query<{ scope: string; epoch: string; stopped: boolean }>({
    name: lock ? 'fences-locked' : 'fences',
    text: `SELECT scope, epoch, stopped FROM fences ORDER BY scope${lock ? ' FOR SHARE' : ''}`,
  })
  return new Map(
    rows.map(({ scope, epoch, stopped }) => [scope, { epoch: Number(epoch), stopped }]),
  )
}

async function readRounds(sql: Sql, keys: unknown[]): Promise<LoadedScene['rounds']> {
  const rows = await sql.query<{
    id: string
    version_id: string
    approvals: string[]
    task_id: string
    tenant_id: string
    goal_id: string
    slot: string
    round: number
    state: EffectState
    args_hash: string
    code: string | null
  }>({
    name: 'scene-rounds',
    text: `SELECT e.id, e.version_id, e.approvals, e.task_id, e.tenant_id, e.goal_id, e.slot,
        e.round, e.state, e.args_hash, e.code
      FROM effects e
      JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS k(tenant_id, goal_id)
      USING (tenant_id, goal_id) ORDER BY e.slot, e.round`,
    values: keys,
  })
  return rows.map((row) => ({
    effectId: row.id,
    versionId: row.version_id,
    approvals: row.approvals,
    taskId: row.task_id,
    tenantId: row.tenant_id,
    goalId: row.goal_id,
    slot: row.slot,
    round: row.round,
    state: row.state,
    argsHash: row.args_hash,
    code: row.code,
  }))
}

async function readBindings(
  sql: Sql,
  tenants: readonly string[],
): Promise<LoadedScene['bindings']> {
  const rows = await sql.query<{
    tenant_id: string
    agent_id: string
    tool: string
    account: string
    live: boolean
    state: ToolState
    reason: string | null
    boot: string | null
    ledger_id: string | null
    definitions: unknown
    granted: number
    granted_of_tool: number
    until_ms: number | null
    left_ms: number | null
  }>({
    name: 'scene-bindings',
    text: `SELECT b.tenant_id, b.agent_id, b.tool, a.account, a.live, a.state, a.reason, a.boot,
        a.ledger_id, a.definitions, grants_out(a.account) AS granted,
        grants_out(a.account, b.tool) AS granted_of_tool,
        (extract(epoch FROM c.until) * 1000)::float8 AS until_ms,
        (extract(epoch FROM c.until - now()) * 1000)::float8 AS left_ms
      FROM tool_bindings b JOIN tool_accounts a USING (account)
      LEFT JOIN account_cooldowns c ON c.account = a.account AND c.tool = b.tool
        AND c.until > now() - interval '1 day'
      WHERE b.tenant_id = ANY($1::uuid[])`,
    values: [tenants],
  })
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    agentId: row.agent_id,
    tool: row.tool,
    account: {
      account: row.account,
      live: row.live,
      state: row.state,
      reason: row.reason,
      boot: row.boot,
      ledgerId: row.ledger_id,
      definitions: Definitions.parse(row.definitions),
      granted: row.granted,
      grantedOfTool: row.granted_of_tool,
      cooldown:
        row.until_ms === null || row.left_ms === null
          ? null
          : { until: new Date(row.until_ms).toISOString(), leftMs: row.left_ms },
    },
  }))
}
