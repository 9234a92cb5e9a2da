import { DeniedError } from '@chimera/contracts/errors'
import { killLevelOf } from '@chimera/contracts/judging/kill'
import type { KillReply } from '@chimera/contracts/tool-control'

import { EVERYTHING } from '../ledger/fences.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ToolLog } from '../tool-server.ts'

/** A level that somebody wants. */
export type WantedKill = Readonly<{
  scope?: string | undefined
  level: number
  /** What the record made of it. */
  epoch?: number | undefined
  /** Only when the epoch is newer and the level no lower: the word may be late. */
  ifNewer?: boolean
  reason: string
  actor: string
  mayLower: boolean
}>

/** What people and the record may do with the kill level; tools only ever raise it. */
export type KillControl = Readonly<{
  show: () => KillReply
  /** Throws FORBIDDEN for a lower level without the operator's own token. */
  set: (to: WantedKill) => KillReply
}>

/** As many steps as are shown; all are kept. */
const SHOWN = 50

export function createKillControl({
  ledger,
  log,
  inFlight,
}: {
  ledger: Pick<Ledger, 'kill' | 'transact' | 'now'>
  log: ToolLog
  inFlight: (scope: string) => string[]
}): KillControl {
  const replyOf = (scope: string): KillReply => ({
    level: ledger.kill.current().level,
    epochs: ledger.kill.epochs(),
    in_flight: inFlight(scope),
    history: ledger.kill.history(SHOWN).map(({ level, reason = '', actor = '', atMs = 0 }) => ({
      level,
      reason,
      actor,
      at: new Date(atMs).toISOString(),
    })),
  })
  const set = ({ scope = EVERYTHING, ...to }: WantedKill): KillReply => {
    const { level, reason, actor } = to
    const has = ledger.kill.epochs()[scope] ?? 0
    const before = killLevelOf(has)
    if (level < before && !to.mayLower && to.ifNewer !== true) {
      const message = `The kill level is ${before}; only the operator's own token lowers it.`
      throw new DeniedError('FORBIDDEN', message)
    }
    ledger.transact(() => {
      const word = { reason, actor, atMs: ledger.now() }
      if (to.ifNewer === true) {
        const epochs = { [scope]: to.epoch ?? 0 }
        ledger.kill.takeFromRecord(epochs, { ...word, isSigned: to.mayLower })
        return
      }
      const step = { ...word, scope, level, epoch: to.epoch }
      if (level < before) ledger.kill.setByOperator(step)
      else ledger.kill.raise(step)
    })
    const reply = replyOf(scope)
    const now = killLevelOf(reply.epochs[scope] ?? 0)
    if (now !== before) log.warn({ scope, level: now, before, reason, actor }, 'kill level')
    return reply
  }
  return { show: () => replyOf(EVERYTHING), set }
}
