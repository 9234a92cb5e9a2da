import { z } from 'zod'

import { type ChatRequest, completion, type Step } from './chat.ts'

/** Where Anthropic's protocol is spoken. */
export const isMessagesPath = (path: string): boolean => path === '/v1/messages'

const Tools = z.array(z.looseObject({ name: z.string() })).default([])

/** The answer as Anthropic gives it: as the call of the tool `json` where one is offered. */
export function messageOf(of: { id: string; request: ChatRequest; step: Step }) {
  const { id, request, step } = of
  const { usage } = completion(of)
  const offered = Tools.parse(request['tools']).some(({ name }) => name === 'json')
  const text = 'text' in step ? step.text : ''
  const call = offered ? parsed(text) : undefined
  return {
    id,
    type: 'message',
    role: 'assistant',
    model: request.model,
    content:
      call === undefined
        ? [{ type: 'text', text }]
        : [{ type: 'tool_use', id: `call-${id}`, name: 'json', input: call }],
    stop_reason: call === undefined ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
