import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

/** One step of the kill switch; level 0 is the state before the first one. */
export type KillLevel = Readonly<{ level: number; reason?: string; actor?: string; atMs?: number }>

const Row = z
  .object({ level: z.int(), reason: z.string(), actor: z.string(), at_ms: z.int() })
  .transform(({ at_ms: atMs, ...rest }): KillLevel => ({ ...rest, atMs }))

/**
 * The kill switch of an account: durable, kept with its whole history, and read anew each time, so
 * that nothing older is ever believed (X14). It only rises, but for the operator's own word.
 */
export type KillLevels = ReturnType<typeof openKillLevels>

export function openKillLevels(database: DatabaseSync, seq: () => number) {
  const latest = database.prepare(
    'SELECT level, reason, actor, at_ms FROM kill_levels ORDER BY n DESC LIMIT ?',
  )
  const insert = database.prepare(`
    INSERT INTO kill_levels (level, by_operator, reason, actor, at_ms, seq)
    VALUES (?, ?, ?, ?, ?, ?)`)
  const history = (limit: number): KillLevel[] => latest.all(limit).map((row) => Row.parse(row))
  const current = (): KillLevel => history(1)[0] ?? { level: 0 }
  const put = (to: Required<KillLevel>, byOperator: 0 | 1): KillLevel => {
    insert.run(to.level, byOperator, to.reason, to.actor, Math.floor(to.atMs), seq())
    return current()
  }
  return {
    current,
    /** The newest first. */
    history,
    /** Within a commit. What would not raise it changes nothing; answers what holds now. */
    raise: (to: Required<KillLevel>): KillLevel =>
      to.level > current().level ? put(to, 0) : current(),
    /** Within a commit: the operator's word, whatever the level was. */
    setByOperator: (to: Required<KillLevel>): KillLevel => put(to, 1),
  }
}
