import type { Database } from '../open-database.ts'
import type { RenewedRecord } from './renew-record.ts'

/** Writes down that this record was restored, with the report of it. */
export async function writeRestore(of: {
  database: Database
  life: RenewedRecord
  backupTakenAt: string
  withLedgers: boolean
  report: unknown
}): Promise<void> {
  await of.database.query({
    text: `INSERT INTO record_restores
        (incarnation, previous, backup_taken_at, with_ledgers, report)
      VALUES ($1, $2, $3, $4, $5)`,
    values: [
      of.life.incarnation,
      of.life.previous,
      of.backupTakenAt,
      of.withLedgers,
      JSON.stringify(of.report),
    ],
  })
}
