import { confidenceOfPlan } from './confidence-of-plan.ts'
import { defineExecutor } from './executor.ts'

/** Proposes a tweet exactly as it was planned. */
export const tweetPost = defineExecutor({
  kind: 'tweet.post',
  execute({ task, payload }) {
    const { slot, text, media_ids, is_ai_labeled, origin } = payload
    return {
      confidence: confidenceOfPlan(task.trust, origin),
      artifacts: [{ name: 'tweet', media_type: 'text/plain', content: text }],
      evidence: [],
      proposed_effects: [
        {
          slot,
          tool: 'post_tweet',
          args: { text, media_ids, is_ai_labeled },
          provenance: origin,
        },
      ],
    }
  },
})
