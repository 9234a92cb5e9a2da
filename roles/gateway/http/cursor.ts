import { TerminalError } from '@chimera/contracts/errors'
import type { z } from 'zod'

/**
 * An opaque cursor: base64url of JSON. It holds nothing but a place in the caller's own list, so
 * that a forged one shows nothing that the list would not.
 */
export const writeCursor = (place: readonly string[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url')

/** Reads a cursor of ours. Throws CURSOR_INVALID. */
export function readCursor<T>(text: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(jsonOf(Buffer.from(text, 'base64url').toString()))
  if (parsed.success) return parsed.data
  throw new TerminalError('CURSOR_INVALID', 'Take the cursor from next_cursor of the page before.')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
