import { DeniedError, type ErrorCode } from '@chimera/contracts/errors'
import { type Goal, GoalRing, StructuredGoal, TextGoal, type Trust } from '@chimera/contracts/goal'
import { GoalId, Uuid } from '@chimera/contracts/ids'
import { type GoalContent, goalContent } from '@chimera/infra/database/goals/goal-content'
import { msOfEntryId } from '@chimera/infra/streams/entry-id'
import type { Unparsed } from '@chimera/infra/streams/parse-entry'

/** An entry of `chimera:goals`: a goal in full, or the id of one that has a row. */
export type GoalEntry =
  | {
      readonly kind: 'goal'
      readonly tenantId: string
      readonly id: string
      readonly goal: Goal
      readonly content: GoalContent
      readonly trust: Trust
      /** By the id of its entry, so that it is the same at every delivery. */
      readonly receivedMs: number
    }
  | {
      readonly kind: 'ring'
      readonly tenantId: string
      readonly id: string
      /** The code of its dead letter when there is no such row. */
      readonly missing: ErrorCode
    }

/**
 * What this installation lets an XADD do (GOALS_FROM_STREAM) and whose its goals are (TENANT_ID).
 */
export type Door = { readonly from: 'owner' | 'untrusted' | 'off'; readonly tenantId: string }

/** Fields of the envelope that are no part of a goal; `id` is, of a flat one. */
const ENVELOPE = new Set(['source', 'tenant', 'time', 'traceparent', 'causation'])
const NUMBERS = new Set(['max_cost_usd', 'urgency', 'importance'])

/**
 * Makes the parser of goal entries, in three forms: field `goal` with the JSON of a Goal, flat
 * fields (`text`, `id`, `agent_id`, `mode`, `campaign_id`, `max_cost_usd`, `voice_ref`,
 * `urgency`, `importance`), and the ring `{"id": ..., "ring": true}` of Gateway, Judge and Keeper.
 * The goal's id is the one that it names; else, beside JSON, the envelope's `id`, so that a
 * producer who sends one message twice has one goal; else it is made of the entry's id and the
 * goal's hash, so that an entry that is delivered twice is the same goal, and another goal under
 * the same entry id (Redis was lost, or somebody chose the id) is another. Throws what becomes the
 * reason of a dead letter: ZodError, TENANT_FORBIDDEN, MODE_FORBIDDEN.
 */
export function openGoalReader(door: Door): (unparsed: Unparsed) => GoalEntry {
  return (unparsed) => {
    const { payload, envelope } = unparsed
    if (isRing(payload)) {
      const { id } = GoalRing.parse(payload)
      return { kind: 'ring', tenantId: tenantOfRing(unparsed, door), id, missing: 'GOAL_NOT_FOUND' }
    }
    if (envelope.tenant !== undefined && envelope.tenant.toLowerCase() !== door.tenantId) {
      throw forbidden(envelope.tenant)
    }
    const goal = goalOf(unparsed)
    const { tenantId } = door
    const content = goalContent(goal)
    const id = goal.id ?? givenId(unparsed) ?? `entry-${unparsed.id}-${content.hash.slice(0, 8)}`
    if (door.from === 'off') {
      return { kind: 'ring', tenantId, id, missing: 'GOALS_FROM_STREAM_OFF' }
    }
    if (door.from === 'untrusted' && goal.mode === 'live') {
      const message = 'Goals from this stream are words of strangers and may not be live.'
      throw new DeniedError('MODE_FORBIDDEN', message)
    }
    const receivedMs = msOfEntryId(unparsed.id)
    return { kind: 'goal', tenantId, id, goal, content, trust: door.from, receivedMs }
  }
}

/** The union of both kinds would say of every fault that it is none of either. */
function goalOf({ payload, fields }: Unparsed): Goal {
  if (payload === undefined) return TextGoal.parse(flatGoal(fields))
  const isStructured =
    typeof payload === 'object' && payload !== null && ('kind' in payload || 'params' in payload)
  return isStructured ? StructuredGoal.parse(payload) : TextGoal.parse(payload)
}

function flatGoal(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  const goal: Record<string, unknown> = {}
  for (const [name, text] of fields) {
    if (ENVELOPE.has(name)) continue
    // Fields are text; the numbers of a goal are read as JSON would.
    const isNumber = NUMBERS.has(name) && /^\d+(\.\d+)?$/.test(text)
    goal[name] = isNumber ? Number(text) : text
  }
  return goal
}

function givenId({ payload, envelope }: Unparsed): string | undefined {
  if (payload === undefined || envelope.id === undefined) return undefined
  return GoalId.parse(envelope.id)
}

function isRing(payload: unknown): boolean {
  return typeof payload === 'object' && payload !== null && 'ring' in payload
}

/** A ring names a row, whosever it is: the row has the authority, and a wrong tenant names none. */
function tenantOfRing({ envelope }: Unparsed, door: Door): string {
  if (envelope.tenant === undefined) return door.tenantId
  const tenant = Uuid.safeParse(envelope.tenant)
  if (!tenant.success) throw forbidden(envelope.tenant)
  return tenant.data
}

function forbidden(tenant: string): DeniedError {
  const message = `The entry names the tenant ${tenant}; leave the field out, or use your own.`
  return new DeniedError('TENANT_FORBIDDEN', message)
}
