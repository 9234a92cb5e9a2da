import { z } from 'zod'

import { isoTime } from '../views/iso-time.ts'

/** A request to write the record's knowledge into a lost or older ledger, and how far it is. */
export const AdoptionView = z.strictObject({
  id: z.uuid(),
  actor: z.string(),
  requested_at: z.string(),
  /** `carried`: the ledger has it, and asks the provider. */
  state: z.enum(['waiting', 'signed', 'carried', 'refused']),
  /** Why it was refused. */
  refused: z.string().nullable(),
  done_at: z.string().nullable(),
})
export type AdoptionView = z.infer<typeof AdoptionView>

export type AdoptionRow = {
  id: string
  actor: string
  requested_at: Date
  is_signed: boolean
  refused: string | null
  done_at: Date | null
}

export const ADOPTION_COLUMNS = `id, actor, requested_at, jws IS NOT NULL AS is_signed, refused,
  done_at`

export function adoptionOf(row: AdoptionRow): AdoptionView {
  const open = row.is_signed ? 'signed' : 'waiting'
  const done = row.refused === null ? 'carried' : 'refused'
  return {
    id: row.id,
    actor: row.actor,
    requested_at: row.requested_at.toISOString(),
    state: row.done_at === null ? open : done,
    refused: row.refused,
    done_at: isoTime(row.done_at),
  }
}
