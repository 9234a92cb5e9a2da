/** A connection to a record that a test did not open itself. */
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'

export function connect(url: string): Database {
  const log = openLog({ name: 'test', level: 'silent' })
  return openDatabase({ url, name: 'test', log, max: 2 })
}
