import { z } from 'zod'

import type { ServedTool } from './define-tool.ts'

const Call = z.object({
  method: z.literal('tools/call'),
  params: z.object({ name: z.string() }),
})

/** The messages of a body: a client of early 2025 may send several at once. */
export function messagesIn(body: unknown): number {
  return Array.isArray(body) ? Math.max(1, body.length) : 1
}

/** The served tools that the messages of a body call; what does not exist is not among them. */
export function toolsCalledIn(body: unknown, tools: readonly ServedTool[]): ServedTool[] {
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  return messages.flatMap((message) => {
    const name = Call.safeParse(message).data?.params.name
    return tools.filter(({ definition }) => definition.name === name)
  })
}
