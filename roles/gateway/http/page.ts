import { z } from 'zod'

import type { GatewayContext } from './context.ts'
import { parseInput } from './faults.ts'

const MAX_PAGE = 200
const DEFAULT_PAGE = 50

/** The query fields of every list. */
export const PageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE),
  cursor: z.string().min(1).max(1_000).optional(),
}

/** The query string by a schema. Throws INPUT_INVALID with pointers below `/query`. */
export function parseQuery<T>(c: GatewayContext, schema: z.ZodType<T>): T {
  const input = Object.fromEntries(new URL(c.req.url).searchParams)
  return parseInput(schema, input, { what: 'The query', under: '/query' })
}

/** `Link: <...>; rel="next"` (RFC 8288) of a page that is not the last. */
export function linkNext(c: GatewayContext, cursor: string | null): void {
  if (cursor === null) return
  const url = new URL(c.req.url)
  url.searchParams.set('cursor', cursor)
  c.header('link', `<${url.pathname}${url.search}>; rel="next"`)
}
