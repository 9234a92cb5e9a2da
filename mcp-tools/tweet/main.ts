import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { runStdio } from '@chimera/mcp-kit/run-stdio'
import { loadConfig } from '@chimera/runtime/config'
import { runProcess } from '@chimera/runtime/run-process'

import { tweetKind } from './tweet-kind.ts'

if (process.argv.includes('--stdio')) {
  await runStdio({
    name: 'tweet',
    env: process.env,
    open: ({ crash }) => tweetKind(loadConfig(['tweet'], process.env), crash.isArmed),
  })
} else {
  await runProcess({
    name: 'tweet',
    sections: ['toolServer', 'tweet'],
    start: async (context) =>
      openToolProcess(context, tweetKind(context.config, context.crash.isArmed)),
  })
}
