import { InvariantError } from '@chimera/contracts/errors'

import type { Statement } from './open-database.ts'

type ByIndex = {
  /**
   * PostgreSQL is kept on indexes: what its connection has planned while a table was small goes
   * through all of it when it has grown, until somebody counts the rows anew.
   */
  readonly byIndex?: boolean | undefined
}

/** Whose rows a transaction sees, where the role of its connection is held to one tenant. */
export type TenantScope = {
  readonly tenantId: string
  /** For what concerns the whole house: the list of tenants itself. */
  readonly isHouse?: boolean | undefined
} & ByIndex

/** The tenants of the batch that a transaction of the swarm is about. */
export type BatchScope = {
  readonly tenantIds: readonly string[]
  /**
   * It claims tasks under caps: transactions of this kind about the same tenants follow each other,
   * and PostgreSQL is kept on the index of what runs, whatever its statistics say.
   */
  readonly isClaim?: boolean | undefined
} & ByIndex

/** Whose rows a transaction sees: one tenant's for the gateway, those of a batch for the swarm. */
export type RowScope = TenantScope | BatchScope

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A batch has at most 500 entries, and a Worker twice as many tasks in hand. */
const MAX_TENANTS = 2_000

/** Any number that nobody else takes: the letters "clai" as bytes. */
const CLAIM_CLASS = 0x636c6169
const CLAIM_LOCK = `SELECT pg_advisory_xact_lock(${CLAIM_CLASS}, hashtext(id)) FROM`

const ON_INDEXES = '; SET LOCAL enable_seqscan = off'

/** In the same packet as BEGIN: seeing some tenants alone costs no round trip. */
export function beginOf(scope: RowScope | undefined): string {
  if (scope === undefined) return 'BEGIN'
  if ('tenantIds' in scope) {
    const ids = `'{${idsOf(scope.tenantIds).join(',')}}'`
    const isByIndex = scope.isClaim === true || scope.byIndex === true
    const inTurn = scope.isClaim === true ? `; ${CLAIM_LOCK} unnest(${ids}::text[]) AS id` : ''
    const set = `SET LOCAL chimera.tenants = ${ids}`
    return `BEGIN; ${set}${isByIndex ? ON_INDEXES : ''}${inTurn}`
  }
  const house = scope.isHouse === true ? `; SET LOCAL chimera.house = 'on'` : ''
  const set = `SET LOCAL chimera.tenant = '${idsOf([scope.tenantId]).join()}'${house}`
  return `BEGIN; ${set}${scope.byIndex === true ? ON_INDEXES : ''}`
}

/** What the scope of a claim sets, inside a transaction that began without one. */
export const enterAsClaim = (tenantIds: readonly string[]): Statement => ({
  name: 'enter-as-claim',
  text: `SELECT set_config('chimera.tenants', $1::text, true),
    set_config('enable_seqscan', 'off', true),
    (SELECT count(lock) FROM (${CLAIM_LOCK} unnest($1::text[]) AS id) AS locks(lock))`,
  values: [`{${idsOf(tenantIds).join(',')}}`],
})

/**
 * They become part of the statement: SET takes no parameters. In the order of their bytes, in which
 * the policies search them by halves.
 */
function idsOf(tenantIds: readonly string[]): readonly string[] {
  if (tenantIds.length > MAX_TENANTS) {
    throw new InvariantError(`A transaction is about ${MAX_TENANTS} tenants at most.`)
  }
  if (tenantIds.every((id) => UUID.test(id)))
    return tenantIds.map((id) => id.toLowerCase()).toSorted()
  throw new InvariantError('The tenant of a transaction is no id.')
}
