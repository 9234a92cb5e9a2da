import type { AuditItem, NotedItem } from '@chimera/contracts/trail/audit'
import type { FeedEvent } from '@chimera/contracts/trail/feed'

const MAX_SUMMARY = 300
const MAX_TYPE = 64
/** C0 but nothing else of ASCII, DEL, C1, separators, and the marks that turn text around. */
const CONTROL = /[\p{Cc}\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]+/gu
/** What holds none of these, as nearly everything that this house says. */
const PLAIN = /^[ -~]*$/
/** Codes of this house read better without quotes; everything else may be somebody's words. */
const CODE = /^[A-Z][A-Z0-9_]*$/

/** A fence is a stop to people. */
const SUBJECT_TYPE: Partial<Record<AuditItem['subject'], string>> = { fence: 'stop' }

/**
 * What people see of a committed transaction: one event per transition, in order. To be published
 * on `chimera:feed` after the commit; losing one loses a line on a screen, nothing else.
 */
export function feedEvents(items: readonly NotedItem[], time: Date = new Date()): FeedEvent[] {
  const at = time.toISOString()
  return items.map(({ tenantId, item, goalId = goalOf(item) }) => ({
    type: typeOf(item),
    tenant: tenantId,
    ...(goalId === undefined ? {} : { goal_id: goalId }),
    ...(item.subject === 'task' ? { task_id: item.id } : {}),
    ...(item.subject === 'effect' ? { effect_id: item.id } : {}),
    summary: summaryOf(item),
    data: {
      id: item.id,
      from: item.from,
      to: item.to,
      ...(item.attempt === undefined ? {} : { attempt: item.attempt }),
      ...(item.auto === undefined ? {} : { auto: item.auto }),
      ...(item.note === undefined ? {} : { note: clean(item.note) }),
    },
    at,
  }))
}

const goalOf = ({ subject, id }: AuditItem): string | undefined =>
  subject === 'goal' ? id : undefined

/** `goal.received`, `task.completed`, `effect.confirmed`, `stop.raised`. */
function typeOf({ subject, to }: AuditItem): string {
  const verb = to.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  return `${SUBJECT_TYPE[subject] ?? subject}.${verb}`.slice(0, MAX_TYPE)
}

function summaryOf(item: AuditItem): string {
  const move = item.from === null ? item.to : `${item.from} -> ${item.to}`
  const attempt = item.attempt === undefined ? '' : `, attempt ${item.attempt}`
  const by = item.auto === true ? ' by rule' : ''
  const line = `${item.subject} ${item.id}: ${move}${by}${attempt}${noteOf(item.note)}`
  return cap(clean(line), MAX_SUMMARY)
}

function noteOf(note: string | undefined): string {
  if (note === undefined) return ''
  return CODE.test(note) ? `: ${note}` : `: "${note}"`
}

const clean = (text: string): string =>
  PLAIN.test(text) ? text : text.toWellFormed().replaceAll(CONTROL, ' ')

/** Cuts between characters, never inside one. */
function cap(text: string, most: number): string {
  if (text.length <= most) return text
  const cut = text.slice(0, most - 1)
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`
}
