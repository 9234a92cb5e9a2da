import { confidenceOfPlan } from './confidence-of-plan.ts'
import { defineExecutor } from './executor.ts'

/** Proposes a reply exactly as it was planned. */
export const tweetReply = defineExecutor({
  kind: 'tweet.reply',
  execute({ task, payload }) {
    const { slot, in_reply_to, text, is_ai_labeled, origin } = payload
    return {
      confidence: confidenceOfPlan(task.trust, origin),
      artifacts: [{ name: 'reply', media_type: 'text/plain', content: text }],
      evidence: [],
      proposed_effects: [
        {
          slot,
          tool: 'reply_tweet',
          args: { in_reply_to, text, is_ai_labeled },
          provenance: origin,
        },
      ],
    }
  },
})
