/** Tool servers as `chimera tools serve --http` starts them, each with its simulated provider. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { serveAlone } from '@chimera/infra/stack/serve-alone'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { z } from 'zod'

import { CHECKOUT } from '../source-tree.ts'

/** One tool server that wants no grants, on a state directory of its own. */
export type ServedServer = AsyncDisposable &
  Readonly<{
    stateDir: string
    /** Of `/mcp`. */
    url: string
    token: string
    /** How Node starts the same on stdio for a client of its own. */
    onStdio: Readonly<{ args: string[]; env: Record<string, string> }>
    /** Effects that the ledger knows of, whatever became of them. */
    effects: () => Promise<number>
    isAlive: () => boolean
  }>

const Ready = z.looseObject({ ready: z.literal(true), url: z.string() })

export async function openServed(name: string): Promise<ServedServer> {
  await using opening = new AsyncDisposableStack()
  const stateDir = mkdtempSync(join(tmpdir(), `chimera-served-${name}-`))
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
  const secret = (file: string): string => readFileSync(file, 'utf8').trim()
  const open = opening.move()
  return {
    stateDir,
    url: `${url}/mcp`,
    token: secret(keyFiles.mcpToken),
    onStdio: {
      args: [join(CHECKOUT, 'cli', 'main.ts'), 'tools', 'serve', name, '--stdio'],
      env: { CHIMERA_STATE_DIR: stateDir },
    },
    effects: async () => {
      const headers = { authorization: `Bearer ${secret(keyFiles.controlToken)}` }
      const text = await (await fetch(new URL('/control/ledger', url), { headers })).text()
      return text.split('\n').filter((line) => line !== '').length
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}
