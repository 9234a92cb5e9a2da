import { readFileSync } from 'node:fs'

import { stateDirPaths } from '@chimera/infra/stack/state-dir'

import { type Proc, startProcess } from '../../integration/tool-process.ts'
import { LEASE_MS, type StormRig } from './storm-rig.ts'

/**
 * A second process of a role or of the tool server beside the stack's own, as by mistake or by a
 * deployment of two: the same configuration, another consumer name, other ports.
 */
export async function startSecond(
  storm: StormRig,
  name: 'judge' | 'keeper' | 'worker' | 'tweet',
): Promise<Proc> {
  const { urls, tools, simulated } = await storm.stack.report()
  const { root, keyFiles, receiptPrivate } = stateDirPaths(storm.rig.stateDir)
  const [tool] = tools
  if (tool === undefined) throw new Error('the stack has no tool server')
  const base = { CHIMERA_STATE_DIR: root, CONSUMER_NAME: `${name}-2`, LOG_LEVEL: 'info' }
  const role = { DATABASE_URL: urls.postgres, REDIS_URL: urls.redis, LEASE_MS: String(LEASE_MS) }
  switch (name) {
    case 'judge':
      return startProcess('roles/judge/main.ts', {
        ...base,
        ...role,
        JUDGE_KEY_FILE: keyFiles.grantPrivate,
        RECEIPT_JWKS_FILE: keyFiles.receiptJwks,
      })
    case 'keeper':
      return startProcess('roles/keeper/main.ts', {
        ...base,
        ...role,
        TOOL_CONTROL_TOKEN_FILE: keyFiles.controlToken,
      })
    case 'worker':
      return startProcess('roles/worker/main.ts', {
        ...base,
        ...role,
        TOOL_TOKEN_FILE: keyFiles.mcpToken,
      })
    case 'tweet':
      return startProcess('mcp-tools/tweet/main.ts', {
        ...base,
        TOOL_ACCOUNT: tool.account,
        TOOL_LEDGER: tool.ledger,
        GRANTS: 'required',
        GRANT_JWKS_FILE: keyFiles.grantJwks,
        RECEIPT_KEY_FILE: receiptPrivate(tool.name),
        TOOL_TOKEN_FILE: keyFiles.mcpToken,
        TOOL_CONTROL_TOKEN_FILE: keyFiles.controlToken,
        TOOL_STOP_TOKEN_FILE: keyFiles.stopToken,
        TWEET_BACKEND: 'simulated',
        SIMULATED_X_URL: simulated[0]?.url ?? '',
        SIMULATED_X_TOKEN: readFileSync(keyFiles.simulatedXToken, 'utf8').trim(),
      })
  }
}
