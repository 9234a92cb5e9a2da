import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import { z } from 'zod'

import { parseAddress, type Address } from '../chain/address.ts'
import { HexBytes } from '../chain/hex.ts'
import { parseSigned, type SignedTransaction, type Transaction } from '../chain/transaction.ts'

/**
 * What the ledger holds of a transfer beside its bytes, from before anything was sent. `raw` is the
 * newest replacement, when the fees were raised; `hashes` are all that may be mined, the newest
 * last.
 */
const Facts = z.object({
  nonce: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number),
  hashes: z.string().transform((list) => list.split(' ')),
  raw: HexBytes.optional(),
  bumped_at: z.string().transform(Number).optional(),
  /** Absent in what was written before it was told. */
  chain_id: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number)
    .optional(),
  /** Who signed it: the key of a wallet may be another one later. */
  from: z.custom<Address>((text) => parseAddress(String(text)) === text),
  /** A block of before it was signed: whatever uses the nonce comes later. */
  after_block: z.string().transform(BigInt),
})
export type TransactionFacts = Readonly<z.infer<typeof Facts>>

/** Undefined for an entry of which the ledger has no transaction (one that was adopted). */
export function transactionFacts(entry: Pick<Entry, 'facts'>): TransactionFacts | undefined {
  return Facts.safeParse(entry.facts).data
}

const Sent = z.object({ params: z.tuple([HexBytes]) })

/** The newest signed transaction of an entry: its replacement, else what was claimed. */
export function newestTransaction(
  entry: Pick<Entry, 'facts' | 'sendBody'>,
): (Transaction & SignedTransaction) | undefined {
  const raw = transactionFacts(entry)?.raw ?? claimedRaw(entry)
  return raw === undefined ? undefined : parseSigned(raw)
}

function claimedRaw({ sendBody }: Pick<Entry, 'sendBody'>): Buffer | undefined {
  if (sendBody === undefined) return undefined
  return Sent.parse(JSON.parse(Buffer.from(sendBody).toString('utf8'))).params[0]
}
