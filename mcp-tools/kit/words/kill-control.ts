import { DeniedError } from '@chimera/contracts/errors'
import type { KillReply } from '@chimera/contracts/tool-control'

import type { Ledger } from '../ledger/ledger.ts'
import type { ToolLog } from '../tool-server.ts'

/** What people and the record may do with the kill level; tools only ever raise it. */
export type KillControl = Readonly<{
  show: () => KillReply
  /** Throws FORBIDDEN for a lower level without the operator's own token. */
  set: (to: { level: number; reason: string; actor: string; mayLower: boolean }) => KillReply
}>

/** As many steps as are shown; all are kept. */
const SHOWN = 50

export function createKillControl({
  ledger,
  log,
}: {
  ledger: Pick<Ledger, 'kill' | 'transact' | 'now'>
  log: ToolLog
}): KillControl {
  const show = (): KillReply => ({
    level: ledger.kill.current().level,
    history: ledger.kill.history(SHOWN).map(({ level, reason = '', actor = '', atMs = 0 }) => ({
      level,
      reason,
      actor,
      at: new Date(atMs).toISOString(),
    })),
  })
  return {
    show,
    set: ({ mayLower, ...to }) => {
      const before = ledger.kill.current().level
      if (to.level < before && !mayLower) {
        const message = `The kill level is ${before}; only the operator's own token lowers it.`
        throw new DeniedError('FORBIDDEN', message)
      }
      const now = ledger.transact(() => {
        const step = { ...to, atMs: ledger.now() }
        return to.level < before ? ledger.kill.setByOperator(step) : ledger.kill.raise(step)
      })
      log.warn({ level: now.level, before, reason: to.reason, actor: to.actor }, 'kill level')
      return show()
    },
  }
}
