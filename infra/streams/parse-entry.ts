import { Envelope } from '@chimera/contracts/envelope'
import { ChimeraError, InvariantError, type ErrorCode } from '@chimera/contracts/errors'
import { MAX_ENTRY_BYTES, STREAMS, type WorkStream } from '@chimera/contracts/streams'
import { z } from 'zod'

import { bytesOf } from './entry-bytes.ts'
import type { RawEntry } from './replies.ts'

/** What a consumer's own parser is given. */
export type Unparsed = Readonly<{
  stream: WorkStream
  id: string
  fields: ReadonlyMap<string, string>
  /** The parsed JSON of the field that the table of streams names; undefined when it is absent. */
  payload: unknown
  envelope: Envelope
}>

/** An entry with its typed value. */
export type Entry<T> = Readonly<{
  id: string
  stream: WorkStream
  value: T
  envelope: Envelope
  /** How often Redis delivered it, this time included. */
  deliveries: number
  raw: RawEntry
}>

/** What is wrong with an entry that cannot be read. */
export type Malformed = Readonly<{ code: ErrorCode; reason: string }>

/**
 * Parses one entry, once: size, envelope, JSON, then the consumer's own schema. Whatever that
 * throws is a fault of the entry; only an InvariantError is one of the process and goes on.
 */
export function parseEntry<T>(options: {
  stream: WorkStream
  raw: RawEntry
  deliveries: number
  parse: (unparsed: Unparsed) => T
}): Entry<T> | Malformed {
  const { stream, raw, deliveries } = options
  const bytes = bytesOf(raw.fields)
  if (bytes > MAX_ENTRY_BYTES) {
    const reason = `The entry has ${bytes} bytes; ${MAX_ENTRY_BYTES} is the most that is read.`
    return { code: 'ENTRY_TOO_LARGE', reason }
  }
  try {
    const fields = fieldsOf(raw.fields)
    const envelope = Envelope.parse(Object.fromEntries(fields))
    const payload = payloadOf(stream, fields)
    const value = options.parse({ stream, id: raw.id, fields, payload, envelope })
    return { id: raw.id, stream, value, envelope, deliveries, raw }
  } catch (error) {
    if (error instanceof InvariantError) throw error
    return faultOf(error)
  }
}

export function isMalformed(parsed: Entry<unknown> | Malformed): parsed is Malformed {
  return 'reason' in parsed
}

/** The first value counts when a field stands twice. */
function fieldsOf(flat: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = flat[at] ?? ''
    if (!fields.has(name)) fields.set(name, flat[at + 1] ?? '')
  }
  return fields
}

function payloadOf(stream: WorkStream, fields: ReadonlyMap<string, string>): unknown {
  const { field } = STREAMS[stream]
  const text = fields.get(field)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    // The parser's own message quotes the text.
    throw new SyntaxError(`The field "${field}" is not JSON.`)
  }
}

function faultOf(error: unknown): Malformed {
  if (error instanceof z.ZodError) {
    return { code: 'ENTRY_MALFORMED', reason: z.prettifyError(error) }
  }
  if (error instanceof ChimeraError) return { code: error.code, reason: error.message }
  return { code: 'ENTRY_MALFORMED', reason: error instanceof Error ? error.message : String(error) }
}
