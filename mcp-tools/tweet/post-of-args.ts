import { z } from 'zod'

import type { Post } from './network/network.ts'

/** The arguments of both posting tools, as a claim stored them. */
const Args = z.object({
  text: z.string(),
  media_ids: z.array(z.string()).optional(),
  is_ai_labeled: z.boolean().optional(),
  in_reply_to: z.string().optional(),
})

/**
 * The post that arguments mean. What is left out is labelled: the default is the honest one (X17).
 */
export function postOfArgs(args: unknown): Post {
  const { text, media_ids, is_ai_labeled, in_reply_to } = Args.parse(args)
  return {
    text,
    mediaIds: media_ids ?? [],
    isAiLabeled: is_ai_labeled ?? true,
    ...(in_reply_to === undefined ? {} : { replyTo: in_reply_to }),
  }
}
