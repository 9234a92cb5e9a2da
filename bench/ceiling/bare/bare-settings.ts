import { z } from 'zod'

/**
 * What one role of the bare pipeline is told on its command line, as JSON. The leanest has no feed.
 */
export const BareSettings = z.strictObject({
  role: z.enum(['planner', 'worker', 'judge']),
  databaseUrl: z.string(),
  /** A URL, or the path of a Unix socket. */
  redisUrl: z.string(),
  /** Its streams begin with it, its tables are in a schema of that name. */
  pipeline: z.enum(['bare', 'leanest']),
})
export type BareSettings = z.infer<typeof BareSettings>

export const BARE_ROLES = BareSettings.shape.role.options

/** Redis keys of one pipeline. */
export const bareStreams = (pipeline: BareSettings['pipeline']) =>
  ({
    goals: `${pipeline}:goals`,
    tasks: `${pipeline}:tasks`,
    results: `${pipeline}:results`,
    feed: `${pipeline}:feed`,
  }) as const
