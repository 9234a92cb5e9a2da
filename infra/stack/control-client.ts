import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError } from '@chimera/contracts/errors'

import { tryLock } from './processes/file-lock.ts'
import { readStackRecord } from './stack-record.ts'
import { StackReport } from './stack-report.ts'
import { stateDirPaths } from './state-dir.ts'

/** A stack that runs, as its owner can ask it. */
export type StackClient = Readonly<{
  report: () => Promise<StackReport>
  /** Resolves when nothing of it runs any more. */
  stop: (withinMs: number) => Promise<void>
}>

const ANSWER_WITHIN_MS = 5000
/** A supervisor holds its lock a moment before it listens. */
const LISTENS_WITHIN_MS = 3000
const LOOK_EVERY_MS = 50
const LINGERS_MS = 1000

/** The stack of this state directory, or nothing when none runs. */
export async function findStack(stateDir: string): Promise<StackClient | undefined> {
  const paths = stateDirPaths(stateDir)
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const socket =
      readStackRecord(stateDir).control_socket ?? path.join(stateDir, 'supervisor.sock')
    const isAnswering = await ask(socket, 'GET', '/ping').then(
      () => true,
      () => false,
    )
    if (isAnswering) return clientOf(socket, paths.lockFile)
    if (isFree(paths.lockFile)) return undefined
    if (waited >= LISTENS_WITHIN_MS)
      throw new RetryableError(
        'UNAVAILABLE',
        `A stack holds ${paths.lockFile} but does not answer on ${socket}. Try again in a moment.`,
      )
    await sleep(LOOK_EVERY_MS)
  }
}

function clientOf(socket: string, lockFile: string): StackClient {
  return {
    report: async () => StackReport.parse(JSON.parse(await ask(socket, 'GET', '/report'))),
    stop: async (withinMs) => {
      const { pid } = StackReport.parse(JSON.parse(await ask(socket, 'GET', '/report')))
      await ask(socket, 'POST', '/stop')
      for (let waited = 0; !isFree(lockFile); waited += LOOK_EVERY_MS) {
        if (waited >= withinMs)
          throw new RetryableError('UNAVAILABLE', `The stack did not stop within ${withinMs} ms.`)
        await sleep(LOOK_EVERY_MS)
      }
      // The lock goes first, the process a moment later.
      for (let waited = 0; isAlive(pid) && waited < LINGERS_MS; waited += LOOK_EVERY_MS)
        await sleep(LOOK_EVERY_MS)
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    // Dead, but nobody has asked after it yet: a Linux whose first process is no init has these.
    if (process.platform === 'linux')
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Whether no supervisor holds the lock. A folder that was never used has no lock to hold. */
function isFree(lockFile: string): boolean {
  let lock: Disposable | undefined
  try {
    lock = tryLock(lockFile)
  } catch {
    return true
  }
  if (lock === undefined) return false
  lock[Symbol.dispose]()
  return true
}

async function ask(socketPath: string, method: 'GET' | 'POST', target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, method, path: target, agent: false, timeout: ANSWER_WITHIN_MS },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve(body)
          else reject(new RetryableError('UNAVAILABLE', `The supervisor answered: ${body}`))
        })
        response.on('error', reject)
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.on('error', reject)
    asked.end()
  })
}
