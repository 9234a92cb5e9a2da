import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findStack } from '@chimera/infra/stack/control-client'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'

/** As `chimera down` gives it. */
const STOPS_WITHIN_MS = 15_000

/**
 * Opens the folder that is the temporary folder of everything in a run. When it is closed, stacks
 * that still run in it are stopped (they are detached: a test that is interrupted leaves its own
 * behind), and it goes with all that is in it, unless KEEP_STATE=1.
 */
export async function openRunFolder(options: {
  env: Record<string, string | undefined>
  log: (sentence: string) => void
}): Promise<AsyncDisposable & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'chimera-run-'))
  // PostgreSQL runs as another user when this process is root, and has to get in.
  await chmod(folder, 0o711)
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      await Promise.all((await stateDirsIn(folder)).map((stateDir) => stop(stateDir, options.log)))
      if (options.env['KEEP_STATE'] === '1') return
      // A test that was cut off may have left a disk mounted: no reason to say no sum.
      await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch((error: unknown) => {
        options.log(`chimera: ${folder}: ${error instanceof Error ? error.message : String(error)}`)
      })
    },
  }
}

/** Tests keep a state directory in the temporary folder itself, or in a folder of theirs there. */
async function stateDirsIn(folder: string): Promise<string[]> {
  const near = await pathsIn(folder)
  const all = [...near, ...(await Promise.all(near.map(pathsIn))).flat()]
  return all.filter((path) => existsSync(stateDirPaths(path).lockFile))
}

/** Nothing of what is no folder, or has gone by now. */
async function pathsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.map((name) => join(folder, name))
}

async function stop(stateDir: string, log: (sentence: string) => void): Promise<void> {
  try {
    const stack = await findStack(stateDir)
    if (stack === undefined) return
    log(`chimera: stopping what a test left running in ${stateDir}`)
    await stack.stop(STOPS_WITHIN_MS)
  } catch (error) {
    log(`chimera: ${stateDir}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
