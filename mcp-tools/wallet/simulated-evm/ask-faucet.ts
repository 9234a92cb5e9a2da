import { RetryableError } from '@chimera/contracts/errors'

import type { JsonRpc } from '../chain/json-rpc.ts'
import type { Signer } from '../signing/signer.ts'

const FAUCET_MS = 5_000

/**
 * Reads of a simulated chain whose faucet has been asked for money first: on a chain of one's own
 * nobody else is there to send any.
 */
export function askFaucet(options: {
  rpc: JsonRpc
  rpcUrl: string
  signer: Pick<Signer, 'address'>
  account: string
}): JsonRpc {
  const { rpc, rpcUrl, signer, account } = options
  let asked: Promise<void> | undefined
  const ask = async (): Promise<void> => {
    const address = await signer.address()
    const response = await fetch(new URL('/__faucet', rpcUrl), {
      method: 'POST',
      body: JSON.stringify({ address, account }),
      signal: AbortSignal.timeout(FAUCET_MS),
    }).catch(() => undefined)
    if (response?.ok === true) return
    throw new RetryableError('UPSTREAM_UNAVAILABLE', 'The simulated chain is not up.')
  }
  return {
    batch: async (calls, signal) => {
      asked ??= ask()
      asked.catch(() => (asked = undefined))
      await asked
      return rpc.batch(calls, signal)
    },
  }
}
