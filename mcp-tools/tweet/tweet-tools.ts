import type { ServedTool } from '@chimera/mcp-kit/serving/define-tool'

import { deleteTweet } from './delete-tweet.ts'
import { postTweet, replyTweet } from './posting-tools.ts'
import { estimateCostTool, getCooldown, getMentions, getTweet } from './reading-tools.ts'
import type { TweetParts } from './tweet-parts.ts'

/** The tools of one account; their definitions do not depend on the back end. */
export function tweetTools(parts: TweetParts): readonly ServedTool[] {
  return [
    postTweet(parts),
    replyTweet(parts),
    deleteTweet(parts),
    getTweet(parts),
    getMentions(parts),
    getCooldown(parts),
    estimateCostTool(),
  ]
}
