/** How compositions of the tests leave out what keeps memories of others from coming back. */
import type { Database, Sql, Statement } from '@chimera/infra/database/open-database'
import type { RowScope } from '@chimera/infra/database/row-scope'
import type { openConnection, TenantMemories } from '@chimera/infra/memory/weaviate/open-collection'

/** What tells memories apart: tenants by both of their guards, and the agents of a tenant. */
export type MemoryFilter = 'tenant' | 'agent'

/** Where statements that read or forget say whose memories; the value stays used, and typed. */
const CONDITIONS: Readonly<Record<MemoryFilter, readonly [RegExp, string]>> = {
  tenant: [
    /\b(?:m\.)?tenant_id = \$1(?= AND (?:m\.agent_id|id = ANY|\(\$2))/g,
    '$1::uuid IS NOT NULL',
  ],
  agent: [/\bm\.agent_id = \$2|(?<=OR )agent_id = \$2/g, '$2::text IS NOT NULL'],
}

/** The record, whose statements do not say whose memories they are after. */
export function withoutCondition(database: Database, filter: MemoryFilter): Database {
  const [condition, instead] = CONDITIONS[filter]
  const open = (statement: Statement): Statement => ({
    ...statement,
    text: statement.text.replaceAll(condition, instead),
  })
  return {
    ...database,
    query: (statement, scope) => database.query(open(statement), scope),
    transaction: (work, scope) => {
      const opened = (tx: Sql): Sql => ({ ...tx, query: (asked) => tx.query(open(asked)) })
      return database.transaction((tx) => work(opened(tx)), scope)
    },
  }
}

/** The policies of the rows show those of all tenants to everybody. */
export const scopeOfAll = (tenantIds: readonly string[]) => (): RowScope => ({ tenantIds })

/** Everybody is one tenant of Weaviate's. */
export const withoutTenants =
  (open: typeof openConnection): typeof openConnection =>
  (address) => {
    const connection = open(address)
    const everybody = 'everybody'
    return {
      ...connection,
      ask: (_, work, ...instead) => connection.ask(everybody, work, ...instead),
      everywhere: (_, reach, work) => connection.everywhere(everybody, reach, work),
    }
  }

/** Queries of Weaviate that do not say which agent's memories they are after. */
export const withoutAgents =
  (open: typeof openConnection): typeof openConnection =>
  (address) => {
    const connection = open(address)
    const ask: typeof connection.ask = (tenantId, work, ...instead) =>
      connection.ask(tenantId, (own) => work(blinded(own)), ...instead)
    return { ...connection, ask }
  }

const blinded = (own: TenantMemories): TenantMemories =>
  new Proxy(own, {
    get: (of, name): unknown =>
      name === 'query' ? blindedQueries(of.query) : Reflect.get(of, name),
  })

const blindedQueries = (queries: TenantMemories['query']): TenantMemories['query'] =>
  new Proxy(queries, {
    get: (of, name): unknown => {
      const query: unknown = Reflect.get(of, name)
      if (typeof query !== 'function') return query
      return (...asked: unknown[]): unknown =>
        Reflect.apply(query, of, asked.map(withoutAgentFilter))
    },
  })

/** Of the words, the vector and the options of a query the last have filters. */
function withoutAgentFilter(asked: unknown): unknown {
  if (!isRecord(asked) || !isRecord(asked['filters'])) return asked
  const { filters } = asked
  const parts: unknown = filters['filters']
  if (!Array.isArray(parts)) return asked
  return { ...asked, filters: { ...filters, filters: parts.filter((part) => !isOfAgent(part)) } }
}

const isOfAgent = (filter: unknown): boolean =>
  isRecord(filter) && isRecord(filter['target']) && filter['target']['property'] === 'agent_id'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
