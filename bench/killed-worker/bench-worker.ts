import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { stateDirPaths } from '@chimera/infra/stack/state-dir'

import { endProcess, type LineProcess, openLineProcess } from '../processes/line-process.ts'
import type { BenchStack } from '../stack/bench-stack.ts'

/** A Worker of the bench that is started again whenever it has died, as a supervisor does it. */
export type BenchWorker = AsyncDisposable &
  Readonly<{
    /** SIGKILL, once. */
    kill: () => void
    deaths: () => number
    /** Throws when it has ended by itself. */
    check: () => void
  }>

const READY_WITHIN_MS = 30_000
const CLOSE_WITHIN_MS = 10_000

export async function openBenchWorker(of: {
  stack: BenchStack
  failShare: number
  env: Readonly<Record<string, string | undefined>>
}): Promise<BenchWorker> {
  const { stack, failShare, env } = of
  const { urls } = await stack.report()
  const { keyFiles } = stateDirPaths(stack.stateDir)
  const token = readFileSync(keyFiles.mcpToken, 'utf8').trim()
  const own = {
    PATH: env['PATH'],
    HOME: env['HOME'],
    NODE_COMPILE_CACHE: env['NODE_COMPILE_CACHE'],
    DATABASE_URL_FILE: keyFiles.swarmDatabaseUrl,
    REDIS_URL: urls.redis,
    TOOL_TOKEN: token,
    // Stable: it finds its leases and its pending entries again.
    CONSUMER_NAME: 'worker-bench',
  }
  let deaths = 0
  let fault: string | undefined
  let isClosing = false
  const ready = Promise.withResolvers<void>()
  const start = (): LineProcess => {
    const child = openLineProcess({
      command: process.execPath,
      args: [join(import.meta.dirname, 'worker', 'main.ts'), String(failShare)],
      cwd: import.meta.dirname,
      env: own,
      onLine: (line) => {
        if (line.includes('"msg":"ready"')) ready.resolve()
      },
    })
    void follow(child)
    return child
  }
  const follow = async (child: LineProcess): Promise<void> => {
    const { signal, code } = await child.ended
    if (isClosing) return
    if (signal === 'SIGKILL') {
      deaths += 1
      now = start()
      return
    }
    fault = `The Worker ended with ${code ?? signal}: ${child.lastWords()}`
    ready.reject(new Error(fault))
  }
  let now = start()
  const late = sleep(READY_WITHIN_MS, undefined, { ref: false }).then(() => {
    throw new Error('The Worker is not ready.')
  })
  late.catch(() => undefined)
  await Promise.race([ready.promise, late])
  return {
    kill: () => now.kill('SIGKILL'),
    deaths: () => deaths,
    check: () => {
      if (fault !== undefined) throw new Error(fault)
    },
    [Symbol.asyncDispose]: async () => {
      isClosing = true
      await endProcess(now, () => now.kill('SIGTERM'), CLOSE_WITHIN_MS)
    },
  }
}
