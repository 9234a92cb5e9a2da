import { readFileSync } from 'node:fs'

import type { StackClient } from '@chimera/infra/stack/control-client'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'

import { type Proc, startProcess } from '../../integration/tool-process.ts'
import { LEASE_MS } from './short-times.ts'

/**
 * A second process of a role or of the tool server beside the stack's own, as by mistake or by a
 * deployment of two: the same configuration, another consumer name, other ports. `env` is for what
 * surrounds a process: a clock of its own, say.
 */
export async function startSecond(
  { stack }: { stack: StackClient },
  name: 'judge' | 'keeper' | 'worker' | 'tweet',
  env: Readonly<Record<string, string>> = {},
): Promise<Proc> {
  const report = await stack.report()
  const { urls, tools, simulated } = report
  const { root, keyFiles } = stateDirPaths(report.state_dir)
  const [tool] = tools
  if (tool === undefined) throw new Error('the stack has no tool server')
  const base = { CHIMERA_STATE_DIR: root, CONSUMER_NAME: `${name}-2`, LOG_LEVEL: 'info', ...env }
  const role = {
    DATABASE_URL_FILE: keyFiles.swarmDatabaseUrl,
    REDIS_URL: urls.redis,
    LEASE_MS: String(LEASE_MS),
  }
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
        ...tweetEnvironment(report, { ...tool, xUrl: simulated[0]?.url ?? '' }),
      })
  }
}

/** What makes a process the tool server of an account, whose keys and X are of this stack. */
export function tweetEnvironment(
  report: StackReport,
  of: { account: string; name: string; xUrl: string },
): Record<string, string> {
  const { root, keyFiles, ledger, receiptPrivate } = stateDirPaths(report.state_dir)
  return {
    CHIMERA_STATE_DIR: root,
    TOOL_ACCOUNT: of.account,
    TOOL_LEDGER: ledger('tweet', of.account),
    GRANTS: 'required',
    GRANT_JWKS_FILE: keyFiles.grantJwks,
    RECEIPT_KEY_FILE: receiptPrivate(of.name),
    TOOL_TOKEN_FILE: keyFiles.mcpToken,
    TOOL_CONTROL_TOKEN_FILE: keyFiles.controlToken,
    TOOL_STOP_TOKEN_FILE: keyFiles.stopToken,
    TWEET_BACKEND: 'simulated',
    SIMULATED_X_URL: of.xUrl,
    SIMULATED_X_TOKEN: readFileSync(keyFiles.simulatedXToken, 'utf8').trim(),
  }
}
