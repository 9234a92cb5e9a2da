/** `chimera restore` on a protocol rig: the steps of `infra/backup/restore-backup.ts`. */
import { copyFileSync, existsSync } from 'node:fs'

import { openLedgerFile } from '@chimera/infra/backup/ledger-file'
import { enterBoots } from '@chimera/infra/database/backup/enter-boots'
import { holdSlots } from '@chimera/infra/database/backup/hold-slots'
import { importWords } from '@chimera/infra/database/backup/import-words'
import { recount } from '@chimera/infra/database/backup/recount'
import { renewRecord } from '@chimera/infra/database/backup/renew-record'

import { ACCOUNT } from '../../integration/judge-rig.ts'
import type { ProtocolRig } from './protocol-rig.ts'

export type RestoreSteps = Readonly<{
  importWords: typeof importWords
  holdSlots: typeof holdSlots
}>

export const STEPS: RestoreSteps = { importWords, holdSlots }

/**
 * `pg RESTORED from older backup`, declared, while the tool server is down. A ledger that is there
 * is newer and is imported; one that is not counts as rolled back with the record.
 */
export async function restoreRecord(rig: ProtocolRig, steps: RestoreSteps): Promise<void> {
  await rig.record.rollBack()
  const { database } = rig.record
  using files = new DisposableStack()
  const ledgers = []
  if (existsSync(rig.ledgerPath)) {
    const copy = `${rig.ledgerPath}.copy`
    copyFileSync(rig.ledgerPath, copy)
    const ledger = files.use(openLedgerFile(copy, 'tweet'))
    ledgers.push(ledger.head)
    await enterBoots({ database, ledger: ledger.head })
    await steps.importWords({ database, ledger: ledger.head, words: ledger.words() })
  }
  const isLost = ledgers.length === 0
  await steps.holdSlots({ database, accounts: isLost ? [ACCOUNT] : [] })
  await renewRecord({ database, ledgers })
  await recount({ database })
}
