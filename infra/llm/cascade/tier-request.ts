import type { Used } from '../model-budget.ts'
import type { Ask } from '../model.ts'
import { type Turn, withQuoting } from '../prompt.ts'
import { usageIn } from '../used-by-failure.ts'
import { openSdk, type SdkModel } from './open-sdk.ts'
import type { Tier } from './tier.ts'

/** What one answer may be long: a tweet, a plan, a page of findings. */
export const MAX_OUTPUT_TOKENS = 4_096

/** What a model said, and the value as the SDK read it. */
export type Said<T> = Readonly<{ text: string; value: T; used: Used }>

/** Sends one request to one tier. Throws what the SDK throws. */
export type TierRequest = <T>(of: {
  tier: Tier
  ask: Ask<T>
  turns: readonly Turn[]
}) => Promise<Said<T>>

/**
 * Requests by the SDK, which is loaded at the first one and not before, for it costs 100 ms and 30
 * MB: a process that asks no model has none. The SDK never tries again: that is not its to decide.
 */
export function openTierRequest(): TierRequest {
  const opened = new Map<string, Promise<SdkModel>>()
  const sdkOf = (tier: Tier): Promise<SdkModel> => {
    const known = opened.get(tier.name) ?? openSdk(tier)
    opened.set(tier.name, known)
    return known
  }
  return async ({ tier, ask, turns }) => {
    const [{ generateText, streamText, Output }, sdk] = await Promise.all([
      import('ai'),
      sdkOf(tier),
    ])
    const timeout = AbortSignal.timeout(tier.timeoutMs)
    const request = {
      ...sdk,
      instructions: withQuoting(ask.instructions),
      messages: [...turns],
      output: Output.object({ schema: ask.schema }),
      temperature: 0,
      maxOutputTokens: MAX_OUTPUT_TOKENS,
      maxRetries: 0,
      abortSignal: ask.signal === undefined ? timeout : AbortSignal.any([ask.signal, timeout]),
    }
    const { onPiece } = ask
    if (onPiece === undefined) {
      const { text, output, usage } = await generateText(request)
      return { text, value: output, used: usageIn(usage) }
    }
    // What goes wrong comes as a part of the stream; without a listener the SDK prints it as well.
    const stream = streamText({ ...request, onError: () => undefined })
    for await (const part of stream.stream) {
      if (part.type === 'error') throw part.error
      if (part.type === 'abort') request.abortSignal.throwIfAborted()
      if (part.type === 'text-delta' && part.text !== '') onPiece(part.text)
    }
    const [text, value, usage] = await Promise.all([stream.text, stream.output, stream.usage])
    return { text, value, used: usageIn(usage) }
  }
}
