import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { CHECKOUT, runTool } from './checkout-tools.ts'

const Manifest = z.object({ scripts: z.object({ check: z.string() }) })

/**
 * Runs the `check` script of the root manifest, without npm: npm would run it under the Node it
 * finds first, and vitest needs the checkout's own. Resolves with the exit code.
 */
export async function runCheck({
  env,
}: {
  env: Record<string, string | undefined>
}): Promise<number> {
  const manifest = Manifest.parse(
    JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')),
  )
  return runTool(['sh', '-c', manifest.scripts.check], { env })
}
