import { KillEpochs } from '@chimera/contracts/judging/kill'
import { ToolState } from '@chimera/contracts/tool-control'
import { z } from 'zod'

import type { Sql } from '../open-database.ts'
import { IS_NOT_HELD } from '../tenancy/paused.ts'

/** How old a row has to be before anyone asks where its doorbell is. By the database clock. */
export const LATE_AFTER_MS = 2_000

const Account = z.strictObject({
  account: z.string(),
  url: z.string(),
  boot: z.uuid().nullable(),
  state: ToolState,
  reason: z.string().nullable(),
})

/** How far back a sweep looks for a `run_at` that has come; the duty itself looks back further. */
export const DUE_WITHIN_MS = 10_000

/** What of an outside account the Keeper acts on. */
export type SweptAccount = z.infer<typeof Account>

const Fences = z.record(
  z.string(),
  z.strictObject({ epoch: z.int().nonnegative(), stopped: z.boolean() }),
)

/**
 * What there is to do for the Keeper, answered by one statement. Each flag is true when a row
 * waits.
 */
export type Overview = {
  /** The stream marker as the record knows it. */
  readonly marker: string | null
  /** Claimed tasks whose lease ran out. */
  readonly lostLeases: boolean
  /** Goals whose planning lease ran out. */
  readonly lostPlans: boolean
  /** Tasks, ready or to be judged, whose `run_at` has come within DUE_WITHIN_MS. */
  readonly due: boolean
  /** Milliseconds until the next `run_at` comes. */
  readonly nextDueMs: number | null
  /**
   * Rows that wait for a doorbell and are older than LATE_AFTER_MS, by the stream that rings it.
   */
  readonly late: {
    readonly goals: boolean
    readonly tasks: boolean
    readonly results: boolean
    readonly effects: boolean
  }
  /** Grants that ran out or are for an earlier boot, and whose end nobody has asked for. */
  readonly deadGrants: boolean
  /** Grants that are being voided. */
  readonly cancelling: boolean
  readonly unknownEffects: boolean
  /** What people said of effects, and adoptions of ledgers, that are under way. */
  readonly settlements: boolean
  readonly adoptions: boolean
  /** Requests for approval that nobody answered in time. */
  readonly lateApprovals: boolean
  /** Calls of models whose lease ran out. */
  readonly lapsedCalls: boolean
  /** Nothing is open: nothing can become late before something new arrives. */
  readonly idle: boolean
  readonly accounts: readonly SweptAccount[]
  readonly fences: Readonly<Record<string, { epoch: number; stopped: boolean }>>
  /** Scope -> kill epoch. */
  readonly kill: KillEpochs
}

type Row = {
  marker: string | null
  lost_leases: boolean
  lost_plans: boolean
  due: boolean
  next_due_ms: number | null
  late_goals: boolean
  late_tasks: boolean
  late_results: boolean
  late_effects: boolean
  dead_grants: boolean
  cancelling: boolean
  unknown_effects: boolean
  settlements: boolean
  adoptions: boolean
  late_approvals: boolean
  lapsed_calls: boolean
  idle: boolean
  accounts: unknown
  fences: unknown
  kill: unknown
}

/**
 * Every part reads one partial index of what is open, so that the statement costs the same in a
 * record of a million finished tasks. Goals that are paused or ended hold their tasks back: those
 * are not late. (Scalar subqueries with ORDER BY, where EXISTS would let the planner hope to meet a
 * row soon in a scan of the whole table.)
 */
const OVERVIEW = `
  WITH late AS (SELECT now() - interval '${LATE_AFTER_MS} milliseconds' AS before),
    due_window AS (SELECT now() - interval '${DUE_WITHIN_MS} milliseconds' AS since)
  SELECT
    (SELECT marker FROM stream_marker) AS marker,
    EXISTS (SELECT FROM tasks WHERE status = 'IN_PROGRESS' AND lease_until < now()) AS lost_leases,
    EXISTS (SELECT FROM goals WHERE status = 'RECEIVED' AND lease_until < now())
      OR EXISTS (SELECT FROM goals WHERE status = 'ACTIVE' AND replan_at IS NOT NULL
        AND lease_until < now()) AS lost_plans,
    EXISTS (SELECT FROM tasks, due_window WHERE phase = 'ready' AND run_at IS NOT NULL
        AND coalesce(run_at, ready_at) > since AND coalesce(run_at, ready_at) <= now())
      OR EXISTS (SELECT FROM tasks, due_window WHERE phase = 'judging' AND run_at IS NOT NULL
        AND coalesce(run_at, result_at) > since AND coalesce(run_at, result_at) <= now()) AS due,
    (extract(epoch FROM least(
      (SELECT min(coalesce(run_at, ready_at)) FROM tasks
        WHERE phase = 'ready' AND coalesce(run_at, ready_at) > now()),
      (SELECT min(coalesce(run_at, result_at)) FROM tasks
        WHERE phase = 'judging' AND coalesce(run_at, result_at) > now())
    ) - now()) * 1000)::float8 AS next_due_ms,
    EXISTS (SELECT FROM goals, late WHERE status = 'RECEIVED' AND received_at < late.before
        AND lease_until IS NULL)
      OR EXISTS (SELECT FROM goals, late WHERE status = 'ACTIVE' AND replan_at IS NOT NULL
        AND replan_at < late.before AND lease_until IS NULL) AS late_goals,
    (SELECT true FROM late, tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
      WHERE t.phase = 'ready' AND coalesce(t.run_at, t.ready_at) < late.before
        AND g.status IN ('PLANNED', 'ACTIVE') AND ${IS_NOT_HELD}
      ORDER BY coalesce(t.run_at, t.ready_at) LIMIT 1) IS NOT NULL AS late_tasks,
    (SELECT true FROM tasks, late WHERE phase = 'judging'
        AND coalesce(run_at, result_at) < late.before
        ORDER BY coalesce(run_at, result_at) LIMIT 1) IS NOT NULL
      OR EXISTS (SELECT FROM receipts, late WHERE judged_at IS NULL AND created_at < late.before)
      AS late_results,
    EXISTS (SELECT FROM effects, late WHERE state = 'GRANTED' AND NOT cancelling
        AND granted_at < late.before AND grant_expires_at >= now()) AS late_effects,
    EXISTS (SELECT FROM effects e JOIN tool_accounts a USING (account)
      WHERE e.state = 'GRANTED' AND NOT e.cancelling
        AND (e.grant_expires_at < now() OR e.boot IS DISTINCT FROM a.boot)) AS dead_grants,
    EXISTS (SELECT FROM effects WHERE state = 'GRANTED' AND cancelling) AS cancelling,
    EXISTS (SELECT FROM effects WHERE state = 'UNKNOWN') AS unknown_effects,
    EXISTS (SELECT FROM effect_settlements WHERE done_at IS NULL) AS settlements,
    EXISTS (SELECT FROM tool_adoptions WHERE done_at IS NULL) AS adoptions,
    EXISTS (SELECT FROM approvals WHERE state = 'REQUESTED' AND expires_at <= now())
      AS late_approvals,
    EXISTS (SELECT FROM model_spends WHERE settled_at IS NULL AND lease_until < now())
      AS lapsed_calls,
    NOT EXISTS (SELECT FROM goals WHERE status = 'RECEIVED')
      AND NOT EXISTS (SELECT FROM goals WHERE status = 'ACTIVE' AND replan_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM model_spends WHERE settled_at IS NULL)
      AND (SELECT true FROM tasks WHERE phase = 'ready'
        ORDER BY coalesce(run_at, ready_at) LIMIT 1) IS NULL
      AND NOT EXISTS (SELECT FROM tasks WHERE status = 'IN_PROGRESS')
      AND (SELECT true FROM tasks WHERE phase = 'judging'
        ORDER BY coalesce(run_at, result_at) LIMIT 1) IS NULL
      AND NOT EXISTS (SELECT FROM receipts WHERE judged_at IS NULL)
      AND NOT EXISTS (SELECT FROM effects WHERE state IN ('GRANTED', 'UNKNOWN')) AS idle,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('account', account, 'url', url, 'boot', boot,
        'state', state, 'reason', reason) ORDER BY account), '[]') FROM tool_accounts) AS accounts,
    (SELECT coalesce(jsonb_object_agg(scope,
        jsonb_build_object('epoch', epoch, 'stopped', stopped)), '{}')
      FROM fences WHERE epoch > 0) AS fences,
    (SELECT coalesce(jsonb_object_agg(scope, epoch), '{}') FROM kill_levels
      WHERE epoch > 0) AS kill`

/**
 * Reads the overview in one round trip. As a prepared statement only at rest, where planning is two
 * thirds of its cost: without parameters its plan is kept as it was made, perhaps for empty tables,
 * until they are analyzed again, and a record that is worked on grows meanwhile.
 */
export async function readOverview(sql: Sql, of: { isPrepared: boolean }): Promise<Overview> {
  const name = of.isPrepared ? { name: 'overview-at-rest' } : {}
  const [row] = await sql.query<Row>({ ...name, text: OVERVIEW })
  if (row === undefined) throw new Error('A statement without FROM always has a row.')
  return {
    marker: row.marker,
    lostLeases: row.lost_leases,
    lostPlans: row.lost_plans,
    due: row.due,
    nextDueMs: row.next_due_ms,
    late: {
      goals: row.late_goals,
      tasks: row.late_tasks,
      results: row.late_results,
      effects: row.late_effects,
    },
    deadGrants: row.dead_grants,
    cancelling: row.cancelling,
    unknownEffects: row.unknown_effects,
    settlements: row.settlements,
    adoptions: row.adoptions,
    lateApprovals: row.late_approvals,
    lapsedCalls: row.lapsed_calls,
    idle: row.idle,
    accounts: z.array(Account).parse(row.accounts),
    fences: Fences.parse(row.fences),
    kill: KillEpochs.parse(row.kill),
  }
}
