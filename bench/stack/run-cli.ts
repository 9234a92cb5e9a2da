import { execFile, spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { checkoutRoot } from '@chimera/infra/stack/state-dir'

const MAIN = join(checkoutRoot(), 'cli', 'main.ts')
const ENDS_WITHIN_MS = 120_000

/** Runs `chimera <args>` as a person would; throws with what it said when it fails. */
export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const options = { env, cwd: tmpdir(), timeout: ENDS_WITHIN_MS, maxBuffer: 16 * 1024 * 1024 }
  execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout)
    else reject(new Error(`chimera ${args.join(' ')}: ${stderr.slice(-2_000)}`, { cause: error }))
  })
  return promise
}

/** The same without waiting for turns of the loop: for the moment before the process ends. */
export function runCliNow(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  spawnSync(process.execPath, [MAIN, ...args], { env, cwd: tmpdir(), timeout: ENDS_WITHIN_MS })
}
