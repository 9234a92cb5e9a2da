import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { machineEnvironment } from '../../machine-environment.ts'
import { Answer, type Order, type Settings } from './asker/protocol.ts'

/** A process that asks models. */
export type Asker = AsyncDisposable &
  Readonly<{
    /** One order at a time. Throws when the process ends before it answers. */
    tell: (order: Order) => Promise<Answer>
    /** SIGKILL; returns when it is gone. */
    kill: () => Promise<void>
  }>

/** Starts one; it is ready when this returns. */
export async function startAsker(settings: Settings): Promise<Asker> {
  const main = join(import.meta.dirname, 'asker', 'main.ts')
  const child = spawn(process.execPath, [main, JSON.stringify(settings)], {
    env: machineEnvironment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  // Written to after its death: what was told is answered by nobody, and that is known.
  child.stdin.on('error', () => undefined)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const line = await lines.next()
    if (line.done === true) throw new Error('The asker ended without an answer.')
    return JSON.parse(line.value)
  }
  const end = async (how: () => void): Promise<void> => {
    how()
    await exited
  }
  await next()
  return {
    tell: async (order) => {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      return Answer.parse(await next())
    },
    kill: () => end(() => child.kill('SIGKILL')),
    [Symbol.asyncDispose]: () => end(() => child.stdin.end()),
  }
}

/** Starts many at once. */
export async function startAskers(n: number, settings: Settings) {
  await using started = new AsyncDisposableStack()
  const askers = await Promise.all(
    Array.from({ length: n }, async () => started.use(await startAsker(settings))),
  )
  const held = started.move()
  return { askers, [Symbol.asyncDispose]: () => held.disposeAsync() }
}
