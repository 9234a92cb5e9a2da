/** Processes of the product as tests start them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import { machineEnvironment } from '../machine-environment.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Env = Readonly<Record<string, string>>

/** One child process; its log lines are kept. */
export type Proc = AsyncDisposable & {
  readonly child: ChildProcess
  readonly lines: string[]
  /** The facts of the ready line. */
  readonly ready: Promise<Record<string, unknown>>
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  kill: (signal?: NodeJS.Signals) => Promise<void>
}

export function startProcess(main: string, env: Env, args: readonly string[] = []): Proc {
  const child = spawn(process.execPath, [join(ROOT, main), ...args], {
    env: { ...machineEnvironment(), ...env, CHIMERA_SUPERVISED: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const readiness = Promise.withResolvers<Record<string, unknown>>()
  const exit = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>()
  let rest = ''
  const read = (chunk: Buffer): void => {
    rest += chunk.toString('utf8')
    const whole = rest.split('\n')
    rest = whole.pop() ?? ''
    for (const line of whole) {
      lines.push(line)
      const facts = parseLine(line)
      if (facts?.['ready'] === true) readiness.resolve(facts)
    }
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  child.on('exit', (code, signal) => {
    exit.resolve({ code, signal })
    readiness.reject(new Error(`${main} ended with ${code ?? signal}:\n${lines.join('\n')}`))
  })
  readiness.promise.catch(() => undefined)
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    await exit.promise
  }
  return {
    child,
    lines,
    ready: readiness.promise,
    exited: exit.promise,
    kill,
    [Symbol.asyncDispose]: () => kill(),
  }
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

export async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const server = createServer().listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = z.custom<AddressInfo>().parse(server.address())
  const closed = Promise.withResolvers<void>()
  server.close(() => closed.resolve())
  await closed.promise
  return port
}
