import type { DatabaseSync } from 'node:sqlite'

import { killLevelOf, loweredTo, raisedTo, type KillEpochs } from '@chimera/contracts/judging/kill'
import { z } from 'zod'

import { EVERYTHING } from './fences.ts'

/** One step of the kill switch; level 0 is the state before the first one. */
export type KillLevel = Readonly<{ level: number; reason?: string; actor?: string; atMs?: number }>

/** Who says so, and why. */
export type KillWord = Readonly<{ reason: string; actor: string; atMs: number }>

/** A step to a level; of everything, unless a tenant is named. */
export type KillStep = KillWord &
  Readonly<{
    scope?: string | undefined
    level: number
    /** The record's number for it, so that both mean the same step. */
    epoch?: number | undefined
  }>

const Row = z
  .object({ level: z.int(), reason: z.string(), actor: z.string(), at_ms: z.int() })
  .transform(({ at_ms: atMs, ...rest }): KillLevel => ({ ...rest, atMs }))

const Epoch = z.object({ scope: z.string(), epoch: z.int().nonnegative() })

/** Whose word a step is: only the last two may begin a generation, and so lower. */
type By = 'raise' | 'operator' | 'record'

/**
 * The kill levels that an account is under: durable, with their whole history, and read from the
 * file each time, so that nothing older is ever believed (X14). They only rise, but for the
 * operator's own word, which comes with the operator's token or in the Judge's signed hello.
 */
export type KillLevels = ReturnType<typeof openKillLevels>

export function openKillLevels(database: DatabaseSync, seq: () => number) {
  const latest = database.prepare(
    'SELECT level, reason, actor, at_ms FROM kill_steps WHERE scope = ? ORDER BY n DESC LIMIT ?',
  )
  const newest = database.prepare(
    'SELECT scope, max(epoch) AS epoch FROM kill_steps GROUP BY scope',
  )
  const newestOf = database.prepare(
    'SELECT scope, max(epoch) AS epoch FROM kill_steps WHERE scope = ? GROUP BY scope',
  )
  const insert = database.prepare(`
    INSERT INTO kill_steps (scope, epoch, level, said_by, reason, actor, at_ms, seq)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)

  const history = (limit: number): KillLevel[] =>
    latest.all(EVERYTHING, limit).map((row) => Row.parse(row))
  const current = (): KillLevel => history(1)[0] ?? { level: 0 }
  const epochOf = (scope: string): number => {
    const row = newestOf.get(scope)
    return row === undefined ? 0 : Epoch.parse(row).epoch
  }
  const put = (scope: string, epoch: number, by: By, word: KillWord): void => {
    if (epoch <= epochOf(scope)) return
    const { reason, actor, atMs } = word
    insert.run(scope, epoch, killLevelOf(epoch), by, reason, actor, Math.floor(atMs), seq())
  }
  return {
    /** Of everything. */
    current,
    /** Of everything, the newest first. */
    history,
    epochs: (): KillEpochs =>
      Object.fromEntries(
        newest.all().map((row) => {
          const { scope, epoch } = Epoch.parse(row)
          return [scope, epoch]
        }),
      ),
    /** The strictest of what covers a call; outside clients belong to no tenant. */
    levelFor: (tenant: string | undefined): number =>
      Math.max(
        killLevelOf(epochOf(EVERYTHING)),
        tenant === undefined ? 0 : killLevelOf(epochOf(`tenant:${tenant}`)),
      ),
    /**
     * Within a commit: at least this level, whatever was before. What would not raise it changes
     * nothing. Answers what holds of everything now.
     */
    raise({ scope = EVERYTHING, level, epoch, ...word }: KillStep): KillLevel {
      const own = raisedTo(epochOf(scope), level)
      const to = higher(own, { level, epoch })
      put(scope, to, to === own ? 'raise' : 'record', word)
      return current()
    },
    /** Within a commit: the operator's word, whatever the level was. */
    setByOperator({ scope = EVERYTHING, level, epoch, ...word }: KillStep): KillLevel {
      put(scope, higher(loweredTo(epochOf(scope), level), { level, epoch }), 'operator', word)
      return current()
    },
    /**
     * Within a commit: what the record knows, where that is newer. Only a signed word may lower:
     * an unsigned one that would, changes nothing.
     */
    takeFromRecord(epochs: KillEpochs, word: KillWord & Readonly<{ isSigned: boolean }>): void {
      for (const [scope, epoch] of Object.entries(epochs)) {
        const isLower = killLevelOf(epoch) < killLevelOf(epochOf(scope))
        if (isLower && !word.isSigned) continue
        put(scope, epoch, 'record', word)
      }
    },
  }
}

/** A number of another level is no number for this step. */
function higher(own: number, asked: { level: number; epoch: number | undefined }): number {
  const { level, epoch = 0 } = asked
  return killLevelOf(epoch) === level ? Math.max(own, epoch) : own
}
