import type { SimulatedRequest } from '@chimera/contracts/observable'

import { ChatRequest, completion } from './chat.ts'

/** What a model has worked for, by the record of its server. */
export type Bill = Readonly<{ calls: number; micros: bigint }>

/** What a server would charge for what it answered, where a token costs the same in and out. */
export function billOf(
  calls: readonly SimulatedRequest[],
  of: { model: string; answer: string; usdPerMillion: bigint },
): Bill {
  const paid = calls.flatMap(({ body, outcome }) => {
    const request = ChatRequest.safeParse(body).data
    return outcome === 'accepted' && request?.model === of.model ? [request] : []
  })
  const tokens = paid.reduce(
    (sum, request) =>
      sum + completion({ id: '', request, step: { text: of.answer } }).usage.total_tokens,
    0,
  )
  return { calls: paid.length, micros: BigInt(tokens) * of.usdPerMillion }
}
