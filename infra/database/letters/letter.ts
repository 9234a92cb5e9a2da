import { z } from 'zod'

/** A dead letter as people read it. */
export type Letter = {
  readonly id: string
  readonly tenant: string | null
  readonly stream: string
  readonly entryId: string
  /** JSON text of the entry's fields, cut when `isWhole` is false. */
  readonly payload: string
  readonly isWhole: boolean
  readonly bytes: number
  readonly sha256: string
  readonly code: string
  readonly reason: string
  readonly history: readonly unknown[]
  readonly createdAt: Date
  readonly replayedAt: Date | null
}

export type LetterRow = {
  id: string
  tenant_id: string | null
  stream: string
  entry_id: string
  payload: string
  bytes: number
  sha256: string
  code: string
  reason: string
  history: unknown
  created_at: Date
  replayed_at: Date | null
}

export const LETTER_COLUMNS = `id, tenant_id, stream, entry_id, payload, bytes, sha256, code,
  reason, history, created_at, replayed_at`

const History = z.array(z.unknown())

export const letterOf = (row: LetterRow): Letter => ({
  id: row.id,
  tenant: row.tenant_id,
  stream: row.stream,
  entryId: row.entry_id,
  payload: row.payload,
  isWhole: Buffer.byteLength(row.payload) === row.bytes,
  bytes: row.bytes,
  sha256: row.sha256,
  code: row.code,
  reason: row.reason,
  history: History.parse(row.history),
  createdAt: row.created_at,
  replayedAt: row.replayed_at,
})
