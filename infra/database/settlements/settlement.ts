import { z } from 'zod'

import { isoTime } from '../views/iso-time.ts'

/** What a person said of an effect that no provider could tell of, and how far it has come. */
export const SettlementView = z.strictObject({
  id: z.uuid(),
  outcome: z.enum(['happened', 'did_not_happen']),
  provider_ref: z.string().nullable(),
  reason: z.string(),
  actor: z.string(),
  requested_at: z.string(),
  /** `carried`: the tool server has written it, and its receipt settles the effect. */
  state: z.enum(['waiting', 'signed', 'carried', 'refused']),
  /** Why it was refused. */
  refused: z.string().nullable(),
  done_at: z.string().nullable(),
})
export type SettlementView = z.infer<typeof SettlementView>

export type SettlementRow = {
  id: string
  outcome: 'happened' | 'did_not_happen'
  provider_ref: string | null
  reason: string
  actor: string
  requested_at: Date
  is_signed: boolean
  refused: string | null
  done_at: Date | null
}

export const SETTLEMENT_COLUMNS = `id, outcome, provider_ref, reason, actor, requested_at,
  jws IS NOT NULL AS is_signed, refused, done_at`

export function settlementOf(row: SettlementRow): SettlementView {
  const { is_signed: isSigned, requested_at: requestedAt, done_at: doneAt, ...same } = row
  const open = isSigned ? 'signed' : 'waiting'
  const done = row.refused === null ? 'carried' : 'refused'
  return {
    ...same,
    requested_at: requestedAt.toISOString(),
    done_at: isoTime(doneAt),
    state: doneAt === null ? open : done,
  }
}
