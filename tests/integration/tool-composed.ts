/** The tweet server in a composition of the tests (`compose-kind.ts`). */
import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { tweetKind } from '@chimera/mcp-tweet/tweet-kind'
import { runProcess } from '@chimera/runtime/run-process'

import { composeKind } from './compose-kind.ts'

await runProcess({
  name: 'tweet',
  sections: ['toolServer', 'tweet'],
  start: async (context) => openToolProcess(context, composeKind(tweetKind(context.config, false))),
})
