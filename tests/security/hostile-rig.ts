/** Tool servers as `chimera tools serve --http` starts them, each with its simulated provider. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { serveAlone } from '@chimera/infra/stack/serve-alone'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { z } from 'zod'

export type Listed = Readonly<{ name: string; inputSchema: Record<string, unknown> }>

/** What the hostile calls are thrown at. */
export type Target = AsyncDisposable &
  Readonly<{
    tools: () => Promise<Listed[]>
    /** `arguments` as JSON text, which is not looked at on its way. */
    call: (tool: string, json: string) => Promise<Answer>
    /** Effects that the ledger knows of, whatever became of them. */
    effects: () => Promise<number>
    isAlive: () => boolean
  }>

/** What a client can make of an answer. */
export type Answer = Readonly<{ isError: boolean; code: string; message: string; text: string }>

const Ready = z.looseObject({ ready: z.literal(true), url: z.string() })

export async function openTarget(name: string): Promise<Target> {
  await using opening = new AsyncDisposableStack()
  const stateDir = mkdtempSync(join(tmpdir(), `chimera-hostile-${name}-`))
  opening.defer(() => rmSync(stateDir, { recursive: true, force: true }))
  const env = { PATH: process.env['PATH'] }
  const server = opening.use(await serveAlone({ name, stateDir, env, log: () => {} }))
  const { command, args, cwd, env: own } = server.spec
  const child = spawn(command, args, { cwd, env: own, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  opening.defer(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = line.includes('"ready":true') ? Ready.parse(JSON.parse(line)) : undefined
      if (ready !== undefined) resolve(ready.url)
    })
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)))
  })
  const { keyFiles } = stateDirPaths(stateDir)
  const token = (file: string): string => readFileSync(file, 'utf8').trim()
  const open = opening.move()
  return {
    ...talkTo(`${url}/mcp`, token(keyFiles.mcpToken)),
    effects: async () => {
      const headers = { authorization: `Bearer ${token(keyFiles.controlToken)}` }
      const text = await (await fetch(new URL('/control/ledger', url), { headers })).text()
      return text.split('\n').filter((line) => line !== '').length
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

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

/** Speaks MCP by hand, so that nothing of a client stands between. */
export function talkTo(url: string, token: string): Pick<Target, 'tools' | 'call'> {
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
