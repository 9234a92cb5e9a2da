import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { runStdio } from '@chimera/mcp-kit/run-stdio'
import { loadConfig } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { tradingKind } from './trading-kind.ts'

if (process.argv.includes('--stdio')) {
  await runStdio({
    name: 'trading',
    env: process.env,
    open: ({ crash }) => tradingKind(loadConfig(['trading'], process.env), crash.isArmed),
  })
} else {
  await runProcess({
    name: 'trading',
    sections: ['toolServer', 'trading'],
    start: async (context) =>
      openToolProcess(context, tradingKind(context.config, context.crash.isArmed)),
  })
}
