/**
 * The table of streams (design.md section 4). Producers and consumers, and what an entry carries.
 */

import type { TaskType } from './agent-task.ts'

type StreamRow = {
  /** The one consumer group, or none for streams that are only read (XREAD). */
  readonly group: string | undefined
  /** The entry field that holds the JSON payload. */
  readonly field: string
  /** A cap by length; only for streams that are no work. */
  readonly maxLength?: number
}

export const STREAMS = {
  'chimera:goals': { group: 'planner', field: 'goal' },
  'chimera:tasks:RESEARCH': { group: 'worker', field: 'task' },
  'chimera:tasks:CONTENT_GEN': { group: 'worker', field: 'task' },
  'chimera:tasks:TRANSACTION': { group: 'worker', field: 'task' },
  'chimera:tasks:ENGAGEMENT': { group: 'worker', field: 'task' },
  'chimera:results': { group: 'judge', field: 'result' },
  'chimera:effects': { group: 'worker', field: 'grant' },
  'chimera:feed': { group: undefined, field: 'event', maxLength: 4_000 },
  'chimera:dead': { group: undefined, field: 'letter', maxLength: 10_000 },
} as const satisfies Record<string, StreamRow>

export type StreamName = keyof typeof STREAMS

/** The streams with a consumer group: those that hold work. */
export type WorkStream = Exclude<StreamName, 'chimera:feed' | 'chimera:dead'>

export const WORK_STREAMS: readonly WorkStream[] = [
  'chimera:goals',
  'chimera:tasks:RESEARCH',
  'chimera:tasks:CONTENT_GEN',
  'chimera:tasks:TRANSACTION',
  'chimera:tasks:ENGAGEMENT',
  'chimera:results',
  'chimera:effects',
]

/** One stream per task type, so that worker deployments can specialise and scale apart. */
export const taskStream = (type: TaskType): `chimera:tasks:${TaskType}` => `chimera:tasks:${type}`

/** Kept in Redis and mirrored in Postgres: a changed marker means that Redis lost its memory. */
export const MARKER_KEY = 'chimera:marker'

/** An entry larger than this is a dead letter unread; a goal is far smaller. */
export const MAX_ENTRY_BYTES = 1_048_576

/** Events of one entry of the feed; with the stream's cap it is some 40 MB of them at most. */
export const MAX_FEED_EVENTS = 25

/** What of a dead entry is kept. */
export const MAX_LETTER_BYTES = 65_536

/** A batch is whatever has arrived, up to this. */
export const MAX_BATCH = 500

/** An entry that failed alone this often is dead. */
export const MAX_DELIVERIES_ALONE = 5
