import { z } from 'zod'

/** What of a chat request is looked at; the rest is kept in the record and ignored. */
export const ChatRequest = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })).min(1),
  stream: z.boolean().default(false),
})
export type ChatRequest = z.infer<typeof ChatRequest>

/** What a model says: a text, or the call of a tool. */
export const Step = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ tool: z.string(), args: z.record(z.string(), z.unknown()) }),
])
export type Step = z.infer<typeof Step>

/** Decides what to say. */
export type Mind = (request: ChatRequest) => Step

/** Every text of the messages, whoever wrote it. */
export function textsOf({ messages }: ChatRequest): string[] {
  return messages.flatMap(({ content }) => {
    if (typeof content === 'string') return [content]
    const parts = z.array(z.looseObject({ text: z.string() })).safeParse(content)
    return parts.success ? parts.data.map(({ text }) => text) : []
  })
}

/** The answer as one JSON object. */
export function completion(of: { id: string; request: ChatRequest; step: Step }) {
  const { id, request, step } = of
  const message = 'text' in step ? { content: step.text } : { content: null, ...calls(id, step) }
  return {
    id,
    object: 'chat.completion',
    created: 0,
    model: request.model,
    choices: [{ index: 0, message: { role: 'assistant', ...message }, ...finished(step) }],
    usage: usageOf(request, step),
  }
}

/** A text is streamed in pieces of so many characters. */
const PIECE = 24

/** The answer as the events of a stream, the end included. */
export function events(of: { id: string; request: ChatRequest; step: Step }): string[] {
  const { id, request, step } = of
  const frame = { id, object: 'chat.completion.chunk', created: 0, model: request.model }
  const chunk = (choice: object, more: object = {}): string =>
    `data: ${JSON.stringify({ ...frame, choices: [{ index: 0, ...choice }], ...more })}\n\n`
  const deltas =
    'text' in step
      ? (step.text.match(new RegExp(`[^]{1,${PIECE}}`, 'gu')) ?? []).map((content) => ({ content }))
      : [{ tool_calls: calls(id, step).tool_calls.map((call, index) => ({ index, ...call })) }]
  return [
    chunk({ delta: { role: 'assistant' } }),
    ...deltas.map((delta) => chunk({ delta })),
    chunk({ delta: {}, ...finished(step) }, { usage: usageOf(request, step) }),
    'data: [DONE]\n\n',
  ]
}

const calls = (id: string, { tool, args }: Extract<Step, { tool: string }>) => ({
  tool_calls: [
    {
      id: `call-${id}`,
      type: 'function',
      function: { name: tool, arguments: JSON.stringify(args) },
    },
  ],
})

const finished = (step: Step) => ({ finish_reason: 'text' in step ? 'stop' : 'tool_calls' })

/** Four characters to a token, as everybody estimates. */
function usageOf(request: ChatRequest, step: Step) {
  const prompt_tokens = Math.ceil(textsOf(request).join('').length / 4)
  const completion_tokens = Math.ceil(JSON.stringify(step).length / 4)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}
