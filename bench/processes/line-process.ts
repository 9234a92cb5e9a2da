import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A child process that is spoken to in lines. */
export type LineProcess = Readonly<{
  pid: number | undefined
  say: (line: string) => void
  /** Resolves when it is gone, with when that was and how. */
  ended: Promise<{ at: number; signal: NodeJS.Signals | null; code: number | null }>
  /** The last of what it wrote to standard error, for a message. */
  lastWords: () => string
  kill: (signal: NodeJS.Signals) => void
}>

const KEPT_CHARACTERS = 4000

/** Starts it; `onLine` gets every line of its standard output. */
export function openLineProcess(options: {
  command: string
  args: readonly string[]
  cwd: string
  env?: Readonly<Record<string, string | undefined>>
  onLine?: (line: string) => void
}): LineProcess {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    ...(options.env === undefined ? {} : { env: options.env }),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-KEPT_CHARACTERS)
  })
  // Its death is told by `ended`; a line that no longer reaches it is no failure of the bench.
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => options.onLine?.(line))
  const { promise, resolve } = Promise.withResolvers<Awaited<LineProcess['ended']>>()
  child.once('error', (error) => {
    words += error.message
    resolve({ at: Date.now(), signal: null, code: null })
  })
  child.once('exit', (code, signal) => resolve({ at: Date.now(), signal, code }))
  return {
    pid: child.pid,
    say: (line) => void child.stdin.write(`${line}\n`),
    ended: promise,
    lastWords: () => words.trim(),
    kill: (signal) => void child.kill(signal),
  }
}

/** Asks politely by `ask`, and kills what is still there after the time. */
export async function endProcess(
  child: LineProcess,
  ask: () => void,
  withinMs: number,
): Promise<void> {
  ask()
  const killer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  await child.ended
  clearTimeout(killer)
}
