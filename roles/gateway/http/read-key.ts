import { TerminalError } from '@chimera/contracts/errors'

/** Printable ASCII without the quotes that the IETF draft puts around it. */
const KEY = /^[\x21\x23-\x7E]{1,255}$/

/**
 * The `Idempotency-Key` of a request, with or without the quotes of a structured field
 * (draft-ietf-httpapi-idempotency-key-header); nothing when it has none. Throws
 * IDEMPOTENCY_KEY_INVALID.
 */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const isQuoted = text.length >= 2 && text.startsWith('"') && text.endsWith('"')
  const key = isQuoted ? text.slice(1, -1) : text
  if (KEY.test(key)) return key
  throw new TerminalError(
    'IDEMPOTENCY_KEY_INVALID',
    'An idempotency key is 1 to 255 printable characters without spaces or quotes.',
  )
}
