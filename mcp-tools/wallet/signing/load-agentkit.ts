import { setFlagsFromString } from 'node:v8'

import type * as AgentKit from '@coinbase/agentkit'

import { fenceFetch } from './fence-fetch.ts'
import { quietConsole } from './quiet-console.ts'

/**
 * Loads AgentKit: 2 s and 200 MB, so not before the first signature. It is told nothing that it
 * could tell others: every wallet provider of 0.10.4 reports its address to Coinbase when it is
 * made, without a way to say no, and takes the process down when that fails (coinbase/agentkit
 * #1408). Its first words go to standard output, where MCP is spoken.
 */
export async function loadAgentKit(options: {
  /** The hosts that a provider has to reach. */
  hosts: readonly string[]
}): Promise<typeof AgentKit> {
  // Its 4,000 modules leave 360 MB resident behind, with this 200 (Node 24, measured 1.5 s after).
  setFlagsFromString('--optimize-for-size')
  quietConsole()
  fenceFetch(options.hosts)
  const agentKit = await import('@coinbase/agentkit')
  Object.defineProperty(agentKit.WalletProvider.prototype, 'trackInitialization', {
    value: () => undefined,
    writable: false,
  })
  return agentKit
}
