import { z } from 'zod'

import type { Classification } from '../provider/exchange.ts'
import {
  defineEffectTool,
  type EffectDraft,
  type ServedEffectTool,
} from '../serving/define-tool.ts'

/** Between two effects of the test tool. */
export const COOLDOWN_MS = 900_000

/**
 * A tool of the simplest kind, over the `TestProvider`. `nextRef` names what the provider accepts;
 * `draft` is what a test has otherwise in the plan of a text.
 */
export function defineTestTool(given: {
  nextRef: () => string
  draft: (text: string) => Partial<EffectDraft>
}): ServedEffectTool {
  return defineEffectTool({
    name: 'post_tweet',
    title: 'Say',
    description: 'Says something.',
    scope: 'tweet:write',
    annotations: {
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: true,
    },
    input: { text: z.string().min(1).max(100), labelled: z.boolean().optional() },
    output: { ref: z.string() },
    plan: ({ text, labelled = true }) => ({
      content: text,
      costUsdMicros: 15_000n,
      deadlineMs: 10_000,
      prepare: () => requestOf(text),
      checkLimits: (limits) =>
        limits.ai_label_required && !labelled
          ? { code: 'LIMIT_EXCEEDED', detail: 'A label is required.' }
          : undefined,
      checkWindow: ({ nowMs, lastLeftBy }) => {
        const waitMs = (lastLeftBy('post_tweet') ?? -COOLDOWN_MS) + COOLDOWN_MS - nowMs
        return waitMs > 0
          ? { code: 'COOLDOWN_ACTIVE', detail: 'Too early.', retryAfterMs: waitMs }
          : undefined
      },
      classify: ({ body }) => classify(body, given.nextRef),
      ...given.draft(text),
    }),
    describe: (entry) => (entry.providerRef === undefined ? {} : { ref: entry.providerRef }),
    intentOf: ({ text }) => text,
  })
}

/** The bytes that say a text. */
export const requestOf = (text: string) => ({
  method: 'POST',
  url: 'http://127.0.0.1:9/say',
  headers: { authorization: 'Bearer secret-of-the-provider' },
  body: Buffer.from(text),
})

function classify(body: Buffer, nextRef: () => string): Classification {
  const said = Said.parse(JSON.parse(body.toString('utf8')))
  if (said.kind === 'accept') return { outcome: 'accepted', providerRef: said.ref ?? nextRef() }
  if (said.kind === 'take') return { outcome: 'pending', facts: said.facts ?? {} }
  const { code = 'UPSTREAM_REJECTED', retryAfterMs } = said
  return {
    outcome: 'refused',
    code,
    detail: 'no',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

const Said = z.object({
  kind: z.enum(['accept', 'refuse', 'take']),
  ref: z.string().optional(),
  facts: z.record(z.string(), z.string()).optional(),
  retryAfterMs: z.number().optional(),
  code: z.enum(['UPSTREAM_RATE_LIMITED', 'UPSTREAM_REJECTED']).optional(),
})
