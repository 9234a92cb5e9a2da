/** What negative controls compose instead of a guard of the product. */
import { DatabaseSync } from 'node:sqlite'

import { sha256 } from '@chimera/contracts/canonical'
import { GRANT_SECONDS } from '@chimera/contracts/grant'
import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'
import { APPROVAL_RULES, type ApprovalRules } from '@chimera/judge/approval-rules'
import type { Rules } from '@chimera/mcp-kit/protocol/rules'
import { imaginedEntry } from '@chimera/mcp-kit/testing/imagined-entry'

/** Acts first and writes nothing down. */
export const withoutClaim = (rules: Rules): Rules => ({
  ...rules,
  lookUp: () => ({ kind: 'new', toClose: [] }),
  claim: (_ledger, about, claim) => imaginedEntry(about, claim),
  settle: ({ entry, outcome }) => ({
    ...entry,
    state: outcome.kind === 'answered' ? 'CONFIRMED' : 'UNKNOWN',
  }),
})

/** A ledger that another process can open as well. */
export function openShared(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  return database
}

type Row = Record<string, unknown>

/** The record through a lens: other statements, other rows; `undefined` drops a row. */
export type Lens = {
  ask?: (statement: Statement) => Statement
  change?: (statement: Statement, row: Row) => Row | undefined
}

export function seenThrough(database: Database, lens: Lens): Database {
  const through = (sql: Sql): Sql => ({
    query: async <R extends Row>(statement: Statement) => {
      const rows = await sql.query<R>(lens.ask?.(statement) ?? statement)
      if (lens.change === undefined) return rows
      return rows.flatMap((row) => {
        const changed = lens.change?.(statement, row)
        return changed === undefined ? [] : [{ ...row, ...changed }]
      })
    },
  })
  return {
    ...database,
    query: (statement, scope) =>
      through({ query: (asked) => database.query(asked, scope) }).query(statement),
    transaction: (work, scope) => database.transaction((tx) => work(through(tx)), scope),
  }
}

/** A receipt speaks for whatever round of its slot is open. */
export const boundToSlot: Lens = {
  ask: (statement) => {
    if (statement.name !== 'load-effects-by-grant') return statement
    const asked = '($1::uuid[])[1]'
    const round = `(SELECT o.round FROM effects o WHERE o.grant_id = ${asked})`
    const text = statement.text
      .replace('e.round, e.grant_id', `${round} AS round, ${asked} AS grant_id`)
      .replace(
        'WHERE e.grant_id = ANY($1::uuid[])',
        `WHERE e.effect_key IN (SELECT o.effect_key FROM effects o WHERE o.grant_id = ${asked})
          AND e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')`,
      )
    return { text, ...(statement.values === undefined ? {} : { values: statement.values }) }
  },
}

const keyOf = (key: unknown, argsHash: unknown) => sha256(`${String(key)} ${String(argsHash)}`)

/** Where `insert-rounds` has the keys of the effects, and the hashes of their arguments. */
const [KEYS, HASHES] = [7, 14]

/** Identity by the words: the rounds of another wording are those of another effect. */
export function rekeyed(statement: Statement): Statement {
  if (statement.name !== 'insert-rounds') return statement
  const { values = [] } = statement
  const [keys, hashes] = [values[KEYS], values[HASHES]]
  if (!Array.isArray(keys) || !Array.isArray(hashes)) throw new Error('The rows have moved.')
  const keyed = keys.map((key, n) => keyOf(key, hashes[n]))
  return { ...statement, values: values.with(KEYS, keyed) }
}

/** The same in the grants. */
export const signedByWords = (words: JudgeWords): JudgeWords => ({
  ...words,
  grant: (claims) =>
    words.grant({ ...claims, effect_key: keyOf(claims.effect_key, claims.args_hash) }),
})

const DECIDING = new Set([
  'lock-task-of-approval',
  'lock-approval',
  'lock-effect-of-approval',
  'read-approval',
])

/** A person's word is about whatever is asked for the same slot and arguments. */
export const byWhatWasAsked: Lens = {
  ask: (statement) => {
    const { name = '', text, values } = statement
    if (!DECIDING.has(name) || values === undefined) return statement
    const id = name === 'lock-task-of-approval' ? '$2' : '$1'
    const asked = `coalesce((SELECT o.id FROM approvals o JOIN approvals s
      USING (effect_key, args_hash) WHERE s.id = ${id}::uuid AND o.state = 'REQUESTED'),
      ${id}::uuid)`
    return { text: text.replaceAll(id, () => asked), values }
  },
}

/** One check less, and no second look in the granting transaction. */
export const withoutApprovalCheck = (name: string): ApprovalRules => ({
  checks: APPROVAL_RULES.checks.filter((check) => check.name !== name),
  hold: async (_tx, approvals) => new Set(approvals.map(({ id }) => id)),
})

/** The record's own look at what a grant rests on. */
export async function setApprovalTriggers(sql: Sql, to: 'ENABLE' | 'DISABLE'): Promise<void> {
  for (const name of ['effects_rest_on_approvals', 'effects_waited_for_approvals']) {
    await sql.query({ text: `ALTER TABLE effects ${to} TRIGGER ${name}` })
  }
}

/** A grant lives for its minute, whatever it rests on. */
export const outliving = (words: JudgeWords): JudgeWords => ({
  ...words,
  grant: (claims) => words.grant({ ...claims, exp: claims.iat + GRANT_SECONDS }),
})
