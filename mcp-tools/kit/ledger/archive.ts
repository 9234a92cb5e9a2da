import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

/**
 * How long after its end an entry is archived. Far beyond every window and cooldown, and beyond
 * what anybody still asks about: its grant has been dead since the first minute.
 */
export const ARCHIVE_AFTER_MS = 30 * 86_400_000

/** Rows of one commit: some milliseconds during which nothing is claimed. */
export const ARCHIVE_BATCH = 200

const Key = z.object({ grant_id: z.string() })
const Count = z.object({ n: z.int() })

/** Moves entries that are settled for good out of the way of the hot ones. */
export function openArchive(database: DatabaseSync) {
  // The last effect of a tool stays: its cooldown is looked up among the entries.
  const due = database.prepare(`
    SELECT e.grant_id FROM entries e
    WHERE e.state IN ('CONFIRMED', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'VOID')
      AND e.settled_ms < :before AND coalesce(e.left_by_ms, 0) < :before
      AND (e.state <> 'CONFIRMED' OR e.mode = 'dry' OR e.left_by_ms IS NULL OR e.left_by_ms <
        (SELECT l.left_by_ms FROM entries l WHERE l.tool = e.tool AND l.left_by_ms IS NOT NULL
          AND l.mode <> 'dry' AND +l.state IN ('CLAIMED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN')
        ORDER BY l.left_by_ms DESC LIMIT 1))
    ORDER BY e.settled_ms LIMIT :limit`)
  const copy = database.prepare('INSERT INTO archive SELECT * FROM entries WHERE grant_id = ?')
  const remove = database.prepare('DELETE FROM entries WHERE grant_id = ?')
  const count = database.prepare('SELECT count(*) AS n FROM archive')
  return {
    /**
     * Within a commit: archives the oldest entries that were settled before `beforeMs`, at most
     * `limit`. Answers how many. Nothing else can tell: look-ups find them as before.
     */
    archive(beforeMs: number, limit: number): number {
      const rows = due.all({ before: beforeMs, limit }).map((row) => Key.parse(row).grant_id)
      for (const grantId of rows) {
        copy.run(grantId)
        remove.run(grantId)
      }
      return rows.length
    },
    /** How many entries are archived. */
    archivedCount: (): number => Count.parse(count.get()).n,
  }
}
