import type { Config } from '@chimera/contracts/config'
import type { ToolKind } from '@chimera/mcp-kit/open-tool-process'

import { openMediaStore } from './media-store.ts'
import { openNetwork } from './open-network.ts'
import { POST_COOLDOWN_MS } from './tweet-limits.ts'
import { tweetReconciler } from './tweet-reconciler.ts'
import { tweetTools } from './tweet-tools.ts'

/** One X account as the kit serves it. Throws ConfigError. */
export function tweetKind(config: Config<'tweet'>, isCrashArmed: boolean): ToolKind {
  const network = openNetwork(config, isCrashArmed)
  return {
    name: 'tweet',
    backend: { label: network.label, isLive: network.isLive },
    reconciler: tweetReconciler(network),
    tools: (ledger) =>
      tweetTools({
        network,
        ledger,
        media: openMediaStore(config.TWEET_MEDIA_DIR),
        cooldownMs: config.TWEET_COOLDOWN_MS ?? POST_COOLDOWN_MS,
        sendTimeoutMs: config.TWEET_SEND_TIMEOUT_MS,
      }),
  }
}
