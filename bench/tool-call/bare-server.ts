import path from 'node:path'

import { checkoutRoot } from '@chimera/infra/stack/state-dir'

import { endProcess, openLineProcess } from '../processes/line-process.ts'

const READY_MS = 20_000
const END_MS = 2_000

/** The same SDK with nothing of ours around it. */
export async function openBareServer(of: {
  env: Readonly<Record<string, string | undefined>>
}): Promise<AsyncDisposable & Readonly<{ url: string; pid: number }>> {
  const ready = Promise.withResolvers<string>()
  const child = openLineProcess({
    command: process.execPath,
    args: [path.join(checkoutRoot(), 'bench/tool-call/bare/main.ts')],
    cwd: checkoutRoot(),
    env: of.env,
    onLine: ready.resolve,
  })
  const late = setTimeout(() => ready.reject(new Error('It was not ready.')), READY_MS)
  void child.ended.then(() => ready.reject(new Error(`It ended: ${child.lastWords()}`)))
  const url = await ready.promise
  clearTimeout(late)
  return {
    url,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => endProcess(child, () => child.kill('SIGTERM'), END_MS),
  }
}
