import type { PreparedRequest } from '@chimera/mcp-kit/provider/exchange'

import { hexOf } from '../chain/hex.ts'

/** The one request that hands a signed transaction to a node. */
export function broadcastRequest(url: string, raw: Buffer): PreparedRequest {
  const body = Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'eth_sendRawTransaction',
      params: [hexOf(raw)],
    }),
  )
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
    body,
  }
}
