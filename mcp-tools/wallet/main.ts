import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { runStdio } from '@chimera/mcp-kit/run-stdio'
import { loadConfig } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { walletKind } from './wallet-kind.ts'

if (process.argv.includes('--stdio')) {
  await runStdio({
    name: 'wallet',
    env: process.env,
    open: ({ config, crash }) =>
      walletKind({
        config: loadConfig(['wallet'], process.env),
        account: config.TOOL_ACCOUNT,
        isCrashArmed: crash.isArmed,
      }),
  })
} else {
  await runProcess({
    name: 'wallet',
    sections: ['toolServer', 'wallet'],
    start: async (context) => {
      const { config, crash } = context
      const account = config.TOOL_ACCOUNT
      return openToolProcess(context, walletKind({ config, account, isCrashArmed: crash.isArmed }))
    },
  })
}
