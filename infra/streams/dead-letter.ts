import { createHash } from 'node:crypto'

import type { ErrorCode } from '@chimera/contracts/errors'
import { newId, Uuid } from '@chimera/contracts/ids'
import { MAX_LETTER_BYTES, type WorkStream } from '@chimera/contracts/streams'

import type { RawEntry } from './replies.ts'

/** One time that an entry failed. */
export type Failure = Readonly<{ at: string; code: string; message: string }>

/**
 * An entry that was given up, as it goes into its row. Holds no character that Postgres refuses.
 */
export type DeadLetter = Readonly<{
  id: string
  /** What the envelope said, if it is a uuid at all; it was never checked. */
  tenant: string | null
  stream: WorkStream
  entryId: string
  /** JSON text of the flat fields, `["goal", "{...}"]`; only the first 64 KiB of it. */
  payload: string
  /** Of the whole JSON text, as is the hash. */
  bytes: number
  sha256: string
  code: ErrorCode
  /** A sentence for operators. */
  reason: string
  history: readonly Failure[]
}>

const MAX_REASON = 1_000

export function deadLetter(options: {
  stream: WorkStream
  entry: RawEntry
  code: ErrorCode
  reason: string
  history?: readonly Failure[]
}): DeadLetter {
  const { stream, entry, code } = options
  const text = JSON.stringify(entry.fields)
  return {
    id: newId(),
    tenant: tenantOf(entry.fields),
    stream,
    entryId: entry.id,
    payload: firstBytes(text, MAX_LETTER_BYTES),
    bytes: Buffer.byteLength(text),
    sha256: createHash('sha256').update(text).digest('hex'),
    code,
    reason: readable(options.reason),
    history: options.history ?? [],
  }
}

/**
 * Text that a terminal and a `text` column take: no control characters, no halves of pairs, capped.
 */
export function readable(text: string): string {
  return text
    .slice(0, MAX_REASON)
    .toWellFormed()
    .replaceAll(/[^\P{Control}\n]|\p{Format}/gu, '\uFFFD')
}

function tenantOf(fields: readonly string[]): string | null {
  const at = fields.indexOf('tenant')
  const parsed = Uuid.safeParse(at % 2 === 0 ? fields[at + 1] : undefined)
  return parsed.success ? parsed.data : null
}

/** Cuts between characters, never inside one. */
function firstBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  const cut = Buffer.from(text).subarray(0, most).toString('utf8')
  return cut.endsWith('\uFFFD') ? cut.slice(0, -1) : cut
}
