import { randomBytes } from 'node:crypto'

import type { StateDirPaths } from '../state-dir.ts'
import { keepSecret } from './secret-file.ts'
import { keepSigningKeys } from './signing-keys.ts'

/**
 * Tool servers that a stack of one machine starts; each signs its receipts with a key of its own.
 */
const TOOL_SERVERS = ['tweet', 'wallet', 'trading'] as const

/** Bearer tokens: 256 bits, and a prefix by which a person and a secret scanner know them. */
const tokenPrefixes = {
  operatorToken: 'chimera_op_',
  controlToken: 'chimera_ctl_',
  stopToken: 'chimera_stop_',
  mcpToken: 'chimera_mcp_',
  simulatedXToken: 'simulated_x_',
  swarmGatewayToken: 'chimera_swarm_gw_',
  swarmToken: 'chimera_swarm_',
  killToken: 'chimera_kill_',
} as const

/**
 * Makes whatever is missing of the keys and tokens of a stack; each is 0600 in a folder of 0700.
 */
export async function keepStackKeys(
  paths: StateDirPaths,
): Promise<{ operatorToken: string; swarmToken: string }> {
  await keepSigningKeys({
    privateFiles: [paths.keyFiles.grantPrivate],
    jwksFile: paths.keyFiles.grantJwks,
  })
  await keepSigningKeys({
    privateFiles: TOOL_SERVERS.map((server) => paths.receiptPrivate(server)),
    jwksFile: paths.keyFiles.receiptJwks,
  })
  const keep = (name: keyof typeof tokenPrefixes): Promise<string> =>
    keepSecret(
      paths.keyFiles[name],
      () => tokenPrefixes[name] + randomBytes(32).toString('base64url'),
    )
  const operatorToken = await keep('operatorToken')
  const swarmToken = await keep('swarmGatewayToken')
  const others = [
    'controlToken',
    'stopToken',
    'mcpToken',
    'simulatedXToken',
    'swarmToken',
    'killToken',
  ] as const
  for (const name of others) await keep(name)
  return { operatorToken, swarmToken }
}
