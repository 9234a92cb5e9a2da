/** The simulated X of a tool rig, and what it says that it was asked. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { openSimulatedX } from '@chimera/mcp-tweet/simulated-x/open-simulated-x'
import { z } from 'zod'

import { freePort, startProcess } from './tool-process.ts'

export const X_TOKEN = 'simulated-x-token'

/** A line of the simulated X's own record. */
export const Recorded = z.looseObject({
  n: z.int(),
  received_at: z.string(),
  method: z.string(),
  path: z.string(),
  outcome: z.enum(['accepted', 'refused', 'cut', 'hung']),
  status: z.unknown(),
  id: z.string().optional(),
})
export type Recorded = z.infer<typeof Recorded>

export type RigX = AsyncDisposable &
  Readonly<{
    url: string
    /** What reached X and was taken by it. */
    posts: () => Recorded[]
    requests: () => Recorded[]
    tell: (control: object) => Promise<void>
  }>

/** Starts an X that keeps its record in the folder: a process of its own, or `inside` this one. */
export async function openRigX(of: { folder: string; inside?: boolean }): Promise<RigX> {
  await using stack = new AsyncDisposableStack()
  const record = join(of.folder, 'x.jsonl')
  const url =
    of.inside === true ? await startInside(stack, record) : await startProcessOf(stack, record)
  const requests = (): Recorded[] =>
    readFileSync(record, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Recorded.parse(JSON.parse(line)))
  const open = stack.move()
  return {
    url,
    requests,
    posts: () =>
      requests().filter(
        (line) => line.method === 'POST' && line.path === '/2/tweets' && line.outcome !== 'refused',
      ),
    tell: async (control) => {
      const response = await fetch(`${url}/__control`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(control),
      })
      if (!response.ok) throw new Error(await response.text())
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function startInside(stack: AsyncDisposableStack, recordPath: string): Promise<string> {
  const accounts = [{ account: 'default', bearerToken: X_TOKEN }]
  return stack.use(await openSimulatedX({ port: 0, recordPath, accounts })).url
}

async function startProcessOf(stack: AsyncDisposableStack, record: string): Promise<string> {
  const port = await freePort()
  const x = stack.use(
    startProcess('mcp-tools/tweet/simulated-x/main.ts', {
      SIMULATED_X_PORT: String(port),
      SIMULATED_X_RECORD: record,
      SIMULATED_X_TOKEN: X_TOKEN,
      HEALTH_PORT: '0',
    }),
  )
  await x.ready
  return `http://127.0.0.1:${port}`
}
