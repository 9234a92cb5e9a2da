/**
 * What anyone can observe (design.md section 10). Operators script against these; a test pins
 * them.
 */
import { z } from 'zod'

import { TaskPhase, TaskStatus, TaskType } from './agent-task.ts'
import { EffectState } from './effect.ts'
import { GoalStatus, Mode } from './goal.ts'
import { ReceiptClaims } from './grant.ts'
import { KILL_LEVELS, KillLevel } from './judging/kill.ts'
import { OpinionView } from './judging/opinion.ts'
import { FenceReport } from './tenancy/fence-report.ts'
import { ToolState } from './tool-control.ts'
import { WaitingOn } from './waiting.ts'

const Time = z.string().nullable()

/** A role's process, as the supervisor sees it. */
export const RoleView = z.strictObject({
  name: z.string(),
  pid: z.int().nullable(),
  state: z.enum(['starting', 'ready', 'draining', 'down']),
  restarts: z.int(),
  rss_bytes: z.int().nullable(),
})

/** A provider that is simulated on this machine. */
export const SimulatedView = z.strictObject({
  name: z.enum(['x', 'evm', 'exchange']),
  pid: z.int().nullable(),
  url: z.string(),
})

/** `chimera status --json` */
export const StatusReport = z.strictObject({
  version: z.string(),
  state: z.enum(['running', 'starting', 'stopping', 'down']),
  state_dir: z.string(),
  urls: z.strictObject({
    gateway: z.string().nullable(),
    redis: z.string().nullable(),
    postgres: z.string().nullable(),
    weaviate: z.string().optional(),
    /** Where MCP clients hand goals to the swarm. */
    swarm: z.string().optional(),
  }),
  token_file: z.string(),
  roles: z.array(RoleView),
  tools: z.array(
    z.strictObject({
      name: z.string(),
      account: z.string(),
      pid: z.int().nullable(),
      url: z.string(),
      backend: z.string(),
      grants: z.enum(['required', 'off']),
      state: ToolState,
      reason: z.string().optional(),
      ledger: z.strictObject({
        id: z.string(),
        boot: z.string(),
        seq: z.int(),
        path: z.string(),
      }),
    }),
  ),
  simulated: z.array(SimulatedView),
  fence: z.array(z.strictObject({ scope: z.string(), epoch: z.int(), stopped: z.boolean() })),
  /** Kill levels that are raised: above 0. */
  kill: z.array(
    z.strictObject({
      scope: z.string(),
      level: KillLevel,
      name: z.enum(KILL_LEVELS),
      reason: z.string(),
      auto: z.boolean(),
      changed_at: z.string(),
    }),
  ),
  /** What is paused, the widest first; the first thousand. */
  paused: z.array(
    z.strictObject({
      kind: z.enum(['tenant', 'campaign', 'agent', 'goal', 'user']),
      tenant_id: z.string(),
      id: z.string(),
    }),
  ),
  streams: z.array(
    z.strictObject({
      name: z.string(),
      group: z.string(),
      /** Null when Redis does not know it: never shown as 0. */
      lag: z.int().nullable(),
      pending: z.int(),
    }),
  ),
  tasks: z.partialRecord(TaskPhase, z.int()),
  /** Agents whose ready tasks wait for their turn, the most first; the first hundred. */
  turns: z.array(
    z.strictObject({
      tenant_id: z.string(),
      agent_id: z.string(),
      waiting: z.int(),
      in_flight: z.int(),
      reason: z.string(),
    }),
  ),
  effects: z.partialRecord(EffectState, z.int()),
  dead: z.int(),
  memory: z.strictObject({
    backend: z.string(),
    degraded: z.boolean(),
    /** Why it is degraded, or why memories are not in Weaviate. */
    reason: z.string().optional(),
  }),
})
export type StatusReport = z.infer<typeof StatusReport>

/** `chimera goal post --json`, `POST /v1/goals` */
export const GoalPosted = z.strictObject({ id: z.string(), status: GoalStatus })
export type GoalPosted = z.infer<typeof GoalPosted>

/** One round of one slot, as `goal show` lists it. */
export const EffectView = z.strictObject({
  id: z.string(),
  effect_key: z.string(),
  slot: z.string(),
  round: z.int(),
  task_id: z.string(),
  grant_id: z.string().nullable(),
  state: EffectState,
  /** True from the question whether the grant may be voided until the ledger has answered. */
  cancelling: z.boolean(),
  tool: z.string(),
  args: z.record(z.string(), z.unknown()),
  args_hash: z.string(),
  account: z.string().nullable(),
  mode: Mode,
  approvals: z.array(z.string()),
  /** Why it was denied, refused or is open. */
  code: z.string().nullable(),
  detail: z.string().nullable(),
  granted_at: Time,
  claimed_at: Time,
  settled_at: Time,
  provider_ref: z.string().nullable(),
  receipt: ReceiptClaims.nullable(),
})
export type EffectView = z.infer<typeof EffectView>

export const TaskView = z.strictObject({
  id: z.string(),
  goal_id: z.string(),
  type: TaskType,
  kind: z.string(),
  status: TaskStatus,
  phase: TaskPhase,
  waiting_on: WaitingOn.nullable(),
  /** Attempts spent; a cooldown and a lost lease spend none of the Judge's. */
  attempt: z.int(),
  max_attempts: z.int(),
  confidence: z.number().nullable(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  depends_on: z.array(z.string()),
  attempts: z.array(
    z.strictObject({
      attempt: z.int(),
      outcome: z.string(),
      worker: z.string(),
      result_at: Time,
      result: z.unknown(),
      verdict: z.unknown(),
      /** Null where the Judge asked no model. */
      opinion: OpinionView.nullable(),
    }),
  ),
  received_at: Time,
  planned_at: Time,
  ready_at: Time,
  claimed_at: Time,
  result_at: Time,
  judged_at: Time,
})
export type TaskView = z.infer<typeof TaskView>

/** A line of `chimera goal ls --json`. */
export const GoalSummary = z.strictObject({
  id: z.string(),
  status: GoalStatus,
  mode: Mode,
  text: z.string(),
  agent_id: z.string(),
  source: z.string(),
  waiting_on: WaitingOn.nullable(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  tasks_total: z.int(),
  tasks_open: z.int(),
  received_at: Time,
  planned_at: Time,
  finished_at: Time,
})
export type GoalSummary = z.infer<typeof GoalSummary>

/** `chimera goal show --json`, `GET /v1/goals/:id` */
export const GoalView = GoalSummary.extend({
  /** Effects that did happen in a goal that was cancelled or failed. */
  partial: z.array(z.string()),
  tasks: z.array(TaskView),
  effects: z.array(EffectView),
})
export type GoalView = z.infer<typeof GoalView>

/** `chimera stop --json` */
export const StopReport = FenceReport
export type StopReport = z.infer<typeof StopReport>

/** What a tool server holds after it was told a kill level; null when nobody knows. */
export const KillTold = z.strictObject({
  name: z.string(),
  result: z.enum(['told', 'unreachable']),
  level: KillLevel.nullable(),
  /** Sent before the level rose, outcome open. */
  in_flight: z.array(z.string()),
})
export type KillTold = z.infer<typeof KillTold>

/** `chimera kill raise|lower --json`, `POST /v1/kill` and `POST /v1/kill/lower` */
export const KillReport = z.strictObject({
  scope: z.string(),
  /** What holds now; null when the record was not asked. */
  level: KillLevel.nullable(),
  previous_level: KillLevel.nullable(),
  epoch: z.int().nonnegative().nullable(),
  acknowledged_at: z.string(),
  tools: z.array(KillTold),
})
export type KillReport = z.infer<typeof KillReport>

/** `chimera kill show --json` and `GET /v1/kill` */
export const KillView = z.strictObject({
  /** By scope; empty when the record could not be asked. */
  levels: z.array(
    z.strictObject({
      scope: z.string(),
      level: KillLevel,
      name: z.enum(KILL_LEVELS),
      epoch: z.int().nonnegative(),
      reason: z.string(),
      actor: z.string(),
      /** True when a rule of the house said so. */
      auto: z.boolean(),
      changed_at: z.string(),
    }),
  ),
  /** What each tool server holds of everything; null when it was not reached. */
  tools: z.array(z.strictObject({ name: z.string(), level: KillLevel.nullable() })),
})
export type KillView = z.infer<typeof KillView>

/** One line of `state_dir/simulated/<name>.jsonl`, written before the provider answers. */
export const SimulatedRequest = z.strictObject({
  n: z.int().positive(),
  received_at: z.string(),
  account: z.string(),
  method: z.string(),
  path: z.string(),
  body: z.unknown(),
  outcome: z.enum(['accepted', 'refused', 'cut', 'hung']),
  status: z.int().nullable(),
  id: z.string().optional(),
})
export type SimulatedRequest = z.infer<typeof SimulatedRequest>

/** One line of `state_dir/crash-points.jsonl`. */
export const CrashLine = z.strictObject({
  label: z.string(),
  n: z.int().positive(),
  process: z.string(),
  pid: z.int(),
  at: z.string(),
  run: z.string().nullable(),
})
export type CrashLine = z.infer<typeof CrashLine>

/** `POST /__control` of a simulated provider, on loopback. */
export const SimulatedControl = z.strictObject({
  fault: z
    .enum(['none', 'cut', 'hang', '5xx', '5xx_after', '429', '403_duplicate', 'reset_before'])
    .optional(),
  /** A part of the body's text that the fault applies to; everything when absent. */
  match: z.string().max(500).optional(),
  times: z.int().positive().max(1_000_000).optional(),
  duplicate_check: z.boolean().optional(),
  timeline_delay_ms: z.int().nonnegative().max(86_400_000).optional(),
})
export type SimulatedControl = z.infer<typeof SimulatedControl>
