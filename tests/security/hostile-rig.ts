/** How hostile calls are thrown at a server: by hand, with no client that stands between. */
import { z } from 'zod'

export type Listed = Readonly<{ name: string; inputSchema: Record<string, unknown> }>

/** What the hostile calls are thrown at. */
export type Target = Readonly<{
  tools: () => Promise<Listed[]>
  /** `arguments` as JSON text, which is not looked at on its way. */
  call: (tool: string, json: string) => Promise<Answer>
}>

/** What a client can make of an answer. */
export type Answer = Readonly<{ isError: boolean; code: string; message: string; text: string }>

const Problem = z.looseObject({ code: z.string(), detail: z.string() })
const Reply = z.looseObject({
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
  result: z
    .looseObject({
      tools: z
        .array(z.looseObject({ name: z.string(), inputSchema: z.record(z.string(), z.unknown()) }))
        .optional(),
      isError: z.boolean().default(false),
      structuredContent: z
        .looseObject({ code: z.string().default(''), message: z.string().default('') })
        .default({ code: '', message: '' }),
    })
    .optional(),
})

export function talkTo(url: string, token: string): Target {
  let id = 0
  const ask = async (body: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body,
    })
    return { status: response.status, text: await response.text() }
  }
  return {
    tools: async () => {
      const { text } = await ask('{"jsonrpc":"2.0","id":0,"method":"tools/list","params":{}}')
      return replyIn(text).result?.tools ?? []
    },
    call: async (tool, json) => {
      id += 1
      const meta = `{"chimera/idempotency-key":"hostile-${id}"}`
      const params = `{"name":${JSON.stringify(tool)},"arguments":${json},"_meta":${meta}}`
      const { status, text } = await ask(
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`,
      )
      if (status !== 200 && text.includes('"type":"about:blank"')) {
        const { code, detail } = Problem.parse(JSON.parse(text))
        return { isError: true, code, message: detail, text }
      }
      const { error, result } = replyIn(text)
      if (error !== undefined) {
        return { isError: true, code: String(error.code), message: error.message, text }
      }
      const { code, message } = result?.structuredContent ?? { code: '', message: '' }
      return { isError: result?.isError ?? false, code, message, text }
    },
  }
}

/** An answer comes as JSON, or as the one event of a stream. */
function replyIn(text: string): z.infer<typeof Reply> {
  const [, data = text] = /^data: (.*)$/m.exec(text) ?? []
  return Reply.parse(JSON.parse(data))
}
