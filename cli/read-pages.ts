import { RetryableError } from '@chimera/contracts/errors'

import type { GatewayClient } from './gateway-client.ts'

/** The gateway's own. */
const MAX_PAGE = 200

/** Reads a list page by page until `limit` items are there or it ends. */
export async function readPages<T>(of: {
  client: GatewayClient
  path: string
  /** The field of a page that holds its items. */
  field: string
  query: Readonly<Record<string, string | undefined>>
  limit: number
  parse: (item: unknown) => T
}): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  while (items.length < of.limit) {
    const limit = String(Math.min(MAX_PAGE, of.limit - items.length))
    const page = await of.client.get(of.path, { ...of.query, limit, cursor })
    const { found, next } = readPage(page, of.field)
    items.push(...found.map(of.parse))
    if (next === undefined) break
    cursor = next
  }
  return items
}

function readPage(page: unknown, field: string): { found: unknown[]; next: string | undefined } {
  const fields: Record<string, unknown> =
    typeof page === 'object' && page !== null ? { ...page } : {}
  const { [field]: found, next_cursor: next } = fields
  if (!Array.isArray(found)) {
    throw new RetryableError('UNAVAILABLE', 'The gateway answered with something unexpected.')
  }
  return { found, next: typeof next === 'string' ? next : undefined }
}
