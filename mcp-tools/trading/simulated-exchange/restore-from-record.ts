import type { RequestRecord } from '@chimera/mcp-kit/simulation/request-record'

import { formatDecimal, MICROS } from '../decimal/decimal.ts'
import type { OrderRecord } from '../engine/engine-state.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { ExchangeRequest } from './wire/exchange-request.ts'

/**
 * What a new life has to know beside its engine's journal: nonces that were used, and orders that
 * were taken in the moment before a kill and never came to stand in the record. Those are added to
 * it as `cut`: accepted, the answer lost.
 */
export function restoreFromRecord(record: RequestRecord, parts: ExchangeParts): void {
  let highest = 0n
  for (const line of record.restored) {
    const read = ExchangeRequest.safeParse(line.body)
    if (!read.success || !parts.accounts.has(line.account)) continue
    // Which agent of the account has signed is not worth recovering a key for each line.
    for (const signer of parts.accounts.signersOf(line.account)) {
      parts.nonces.use(signer, read.data.nonce)
    }
    if (line.outcome === 'refused' || line.id === undefined) continue
    const taken = orderCount(read.data)
    const last = BigInt(line.id) + BigInt(taken - 1)
    if (last > highest) highest = last
  }
  for (const account of parts.accounts.all) {
    for (const order of parts.engine.orders(account)) {
      // Whatever was rejected had no id in the record, and nothing depends on it.
      if (order.oid <= highest || order.status.endsWith('Rejected')) continue
      noteLost(record, account, order)
    }
  }
}

const orderCount = ({ action }: ExchangeRequest): number =>
  action.type === 'order' ? action.orders.length : 1

function noteLost(record: RequestRecord, account: string, order: Readonly<OrderRecord>): void {
  const cloid = order.cloid === undefined ? {} : { c: order.cloid }
  const p = formatDecimal(order.priceMicros, MICROS)
  const orders = [{ a: order.asset, b: order.isBuy, p, r: order.reduceOnly, ...cloid }]
  record.append({
    receivedAtMs: order.placedAtMs,
    account,
    method: 'POST',
    path: '/exchange',
    body: { action: { type: 'order', orders, grouping: 'na' } },
    outcome: 'cut',
    status: null,
    id: String(order.oid),
  })
}
