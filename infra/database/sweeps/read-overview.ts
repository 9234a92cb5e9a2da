import { KillEpochs } from '@chimera/contracts/judging/kill'
import { ToolState } from '@chimera/contracts/tool-control'
import { z } from 'zod'

import type { Sql } from '../open-database.ts'

const Account = z.strictObject({
  account: z.string(),
  url: z.string(),
  boot: z.uuid().nullable(),
  state: ToolState,
  reason: z.string().nullable(),
})

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
  /** Tasks, ready or to be judged, whose `run_at` has come within `dueWithinMs`. */
  readonly due: boolean
  /** How far back a look asks for a `run_at` that has come; the duty itself looks back further. */
  readonly dueWithinMs: number
  /** Milliseconds until the next `run_at` comes. */
  readonly nextDueMs: number | null
  /**
   * Rows that wait for a doorbell and are older than `afterMs` by the database clock, by the stream
   * that rings it: old enough for anyone to ask where it is.
   */
  readonly late: {
    readonly afterMs: number
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
  /** Memories that the Judge decided to keep, and the memory does not have yet. */
  readonly memoriesDue: boolean
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
  due_within_ms: number
  next_due_ms: number | null
  late_after_ms: number
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
  memories_due: boolean
  idle: boolean
  accounts: unknown
  fences: unknown
  kill: unknown
}

/**
 * Reads the overview in one round trip: of the rows of every tenant it says whether there are any,
 * and so the view is read as its owner. As a prepared statement only at rest, where planning is two
 * thirds of its cost: without parameters its plan is kept as it was made, perhaps for empty tables,
 * until they are analyzed again, and a record that is worked on grows meanwhile.
 */
export async function readOverview(sql: Sql, of: { isPrepared: boolean }): Promise<Overview> {
  const name = of.isPrepared ? { name: 'overview-at-rest' } : {}
  const [row] = await sql.query<Row>({ ...name, text: 'SELECT * FROM sweep_overview' })
  if (row === undefined) throw new Error('A statement without FROM always has a row.')
  return {
    marker: row.marker,
    lostLeases: row.lost_leases,
    lostPlans: row.lost_plans,
    due: row.due,
    dueWithinMs: row.due_within_ms,
    nextDueMs: row.next_due_ms,
    late: {
      afterMs: row.late_after_ms,
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
    memoriesDue: row.memories_due,
    idle: row.idle,
    accounts: z.array(Account).parse(row.accounts),
    fences: Fences.parse(row.fences),
    kill: KillEpochs.parse(row.kill),
  }
}
