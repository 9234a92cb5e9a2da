import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { runProcess } from '@chimera/runtime/run-process'

import { openNetwork } from './open-network.ts'
import { POST_COOLDOWN_MS } from './tweet-limits.ts'
import { tweetReconciler } from './tweet-reconciler.ts'
import { tweetTools } from './tweet-tools.ts'

await runProcess({
  name: 'tweet',
  sections: ['toolServer', 'tweet'],
  start: async (context) => {
    const { config, crash } = context
    const network = openNetwork(config, crash.isArmed)
    return openToolProcess(context, {
      name: 'tweet',
      backend: { label: network.label, isLive: network.isLive },
      reconciler: tweetReconciler(network),
      tools: (ledger) =>
        tweetTools({
          network,
          ledger,
          cooldownMs: config.TWEET_COOLDOWN_MS ?? POST_COOLDOWN_MS,
          sendTimeoutMs: config.TWEET_SEND_TIMEOUT_MS,
        }),
    })
  },
})
