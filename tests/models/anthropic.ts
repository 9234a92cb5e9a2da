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

/** A part of an answer is streamed in two pieces at least. */
const PIECE = 24

/** The answer as the events of a stream, the end included. */
export function messageEvents(of: { id: string; request: ChatRequest; step: Step }): string[] {
  const { usage, ...message } = messageOf(of)
  const isCall = Tools.parse(of.request['tools']).some(({ name }) => name === 'json')
  const text = 'text' in of.step ? of.step.text : ''
  const pieces = text.match(new RegExp(`[^]{1,${PIECE}}`, 'gu')) ?? []
  const block = isCall
    ? { type: 'tool_use', id: `call-${of.id}`, name: 'json', input: {} }
    : { type: 'text', text: '' }
  const delta = (piece: string) =>
    isCall ? { type: 'input_json_delta', partial_json: piece } : { type: 'text_delta', text: piece }
  const { output_tokens } = usage
  return [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } },
    { type: 'content_block_start', index: 0, content_block: block },
    ...pieces.map((piece) => ({ type: 'content_block_delta', index: 0, delta: delta(piece) })),
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: isCall ? 'tool_use' : 'end_turn', stop_sequence: null },
      usage: { output_tokens },
    },
    { type: 'message_stop' },
  ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
