import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The checkout this file belongs to. */
export const CHECKOUT = join(import.meta.dirname, '..', '..', '..')

/** A tool that ignores SIGTERM for this long is killed. */
const GRACE_MS = 10_000

/** The environment of a development tool: this Node and the checkout's own tools come first. */
export function toolEnvironment(
  env: Record<string, string | undefined>,
): Record<string, string | undefined> {
  const folders = [dirname(process.execPath), join(CHECKOUT, 'node_modules', '.bin')]
  return { ...env, PATH: [...folders, env['PATH'] ?? ''].join(delimiter) }
}

/**
 * Runs a program in the checkout with this process's output, and resolves with its exit code (1 for
 * a death by signal). On abort it is asked to end, then killed.
 */
export async function runTool(
  command: readonly [string, ...string[]],
  { env, signal }: { env: Record<string, string | undefined>; signal?: AbortSignal },
): Promise<number> {
  const options: SpawnOptions = {
    cwd: CHECKOUT,
    env: toolEnvironment(env),
    stdio: ['ignore', 'inherit', 'inherit'],
  }
  const [program, ...args] = command
  const child = spawn(program, args, options)
  const ended = once(child, 'exit').then(() => child.exitCode ?? 1)
  if (signal === undefined) return ended
  const end = () => {
    child.kill('SIGTERM')
    void sleep(GRACE_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL'))
  }
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await ended
  } finally {
    signal.removeEventListener('abort', end)
  }
}
