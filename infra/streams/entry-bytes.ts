import { MAX_ENTRY_BYTES } from '@chimera/contracts/streams'

/** No character of a string takes more bytes of UTF-8. */
const MOST_BYTES = 3

/** Bytes of an entry's fields; no less than that, and no more than allowed, for what is small. */
export function bytesOf(fields: readonly string[]): number {
  let characters = 0
  for (const text of fields) characters += text.length
  const most = characters * MOST_BYTES
  if (most <= MAX_ENTRY_BYTES) return most
  return fields.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}
