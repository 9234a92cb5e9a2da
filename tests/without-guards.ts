/** How compositions of the tests leave guards of a tool server out. */
import type { DatabaseSync } from 'node:sqlite'

import { openExclusiveDatabase } from '@chimera/mcp-kit/ledger/exclusive-database'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'

/** Leaves checks out by name, those of the credentials as well. */
export const withoutChecks = (rules: Rules, ...names: string[]): Rules => ({
  ...rules,
  credentialChecks: rules.credentialChecks.filter(({ name }) => !names.includes(name)),
  claimChecks: rules.claimChecks.filter(({ name }) => !names.includes(name)),
})

/** Runs a statement on the ledger's tables at every start that finds them. */
export const openWith =
  (statement: string) =>
  (path: string): DatabaseSync => {
    const database = openExclusiveDatabase(path)
    const made = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'entries'`).get()
    if (made !== undefined) database.exec(statement)
    return database
  }
