import type { Classification, ProviderResponse } from '@chimera/mcp-kit/provider/exchange'

import { plain, RpcReply } from '../chain/json-rpc.ts'

/**
 * What nodes say of a transaction that they did not take and never will as things stand; geth,
 * reth and anvil in their own words. What is not in this list proves nothing: "already known" and
 * "nonce too low" are said of what is on its way or mined.
 */
const REFUSALS: readonly (readonly [RegExp, 'INSUFFICIENT_FUNDS' | 'UPSTREAM_REJECTED'])[] = [
  [/insufficient funds|insufficient balance|overshot/i, 'INSUFFICIENT_FUNDS'],
  [/intrinsic gas too (?:low|high)/i, 'UPSTREAM_REJECTED'],
  [/exceeds (?:the )?block gas limit|gas limit (?:is )?too high/i, 'UPSTREAM_REJECTED'],
  [/max ?fee ?per ?gas (?:is )?less than block base fee|fee cap less than/i, 'UPSTREAM_REJECTED'],
  [/priority fee .*higher than max|tip .*higher than (?:max )?fee/i, 'UPSTREAM_REJECTED'],
  [/invalid (?:sender|chain id)|wrong chain/i, 'UPSTREAM_REJECTED'],
]

const MAX_DETAIL = 300
const RATE_LIMIT_MS = 5_000
const MAX_RATE_LIMIT_MS = 60_000

/**
 * What a node's answer to a broadcast proves. That it took the transaction is not its end: that is
 * a block. `hash` is of the transaction that was handed over.
 */
export function classifyBroadcast(
  response: ProviderResponse,
  hash: string | undefined,
): Classification {
  const { status } = response
  const reply = RpcReply.safeParse(parseJson(response.body)).data
  if (status === 429) {
    const detail = 'The node limits the rate.'
    const retryAfterMs = retryAfterOf(response)
    return { outcome: 'refused', code: 'UPSTREAM_RATE_LIMITED', detail, retryAfterMs }
  }
  if (reply === undefined || status >= 500) {
    return { outcome: 'unknown', detail: `The node answered ${status} without a word on it.` }
  }
  if (!('error' in reply)) {
    if (reply.result === hash) return { outcome: 'pending', detail: 'It waits for its block.' }
    return { outcome: 'unknown', detail: 'The node named another transaction.' }
  }
  const said = plain(reply.error.message).slice(0, MAX_DETAIL)
  const code = REFUSALS.find(([pattern]) => pattern.test(said))?.[1]
  if (code === undefined) return { outcome: 'unknown', detail: `The node said: ${said}` }
  return { outcome: 'refused', code, detail: `The node refused: ${said}` }
}

/** What the node says, at most a minute; else some seconds. */
function retryAfterOf({ headers }: ProviderResponse): number {
  const said = headers['retry-after']
  if (typeof said !== 'string' || !/^[0-9]{1,4}$/.test(said)) return RATE_LIMIT_MS
  return Math.min(Number(said) * 1_000, MAX_RATE_LIMIT_MS)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    // Not JSON is a page of something between us and the node.
    return undefined
  }
}
