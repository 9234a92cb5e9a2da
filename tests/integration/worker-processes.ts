import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'

import { machineEnvironment } from '../machine-environment.ts'
import { ownRedisUrl } from '../own-redis.ts'

/** The Worker of this file's neighbour, and the real one. */
export const DRILLS = 'tests/integration/worker-process.ts'
export const MAIN = 'roles/worker/main.ts'

export const TOOL_TOKEN = 'the-token-of-the-worker-test'

/** `ready` when it says so in its log. */
export type Started = { child: ChildProcess; ready: Promise<void>; exited: Promise<unknown[]> }

/** Worker processes of a test, and their end. */
export function openWorkerProcesses() {
  const children: ChildProcess[] = []
  return {
    start(file: string, env: Record<string, string>): Started {
      const root = resolve(import.meta.dirname, '..', '..')
      const child = spawn(process.execPath, [join(root, file)], {
        cwd: root,
        env: {
          ...machineEnvironment(),
          REDIS_URL: ownRedisUrl(),
          TOOL_TOKEN,
          CONSUMER_NAME: 'worker-1',
          LEASE_MS: '15000',
          CHIMERA_SUPERVISED: '1',
          ...env,
        },
        // The open stdin is its lifeline.
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      children.push(child)
      const { promise: ready, resolve: say } = Promise.withResolvers<void>()
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (text.includes('"ready":true')) say()
      })
      return { child, ready, exited: once(child, 'exit') }
    },
    async killAll(): Promise<void> {
      for (const child of children.splice(0)) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    },
  }
}
