import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { z } from 'zod'

import { CHECKOUT } from '../../source-tree.ts'

const PACKAGE = '@modelcontextprotocol/inspector'
const VERSION = '2.12.0'
/** 110 MB of a person's tool: in a folder of its own, so that `npm ci` need not bring it. */
const FOLDER = join(CHECKOUT, '.chimera', 'inspector')
const INSTALL_WITHIN_MS = 180_000
const CALL_WITHIN_MS = 60_000

const run = promisify(execFile)
const Manifest = z.object({ version: z.string() })

/** Why there is no Inspector here; nothing when there is. Installs it once. */
export async function missingInspector(): Promise<string | undefined> {
  if (isInstalled()) return undefined
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n')
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  try {
    const args = ['install', ...flags, `${PACKAGE}@${VERSION}`]
    await run('npm', args, { cwd: FOLDER, timeout: INSTALL_WITHIN_MS })
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return `${PACKAGE}@${VERSION} could not be installed: ${said.slice(0, 300)}`
  }
  return isInstalled() ? undefined : `${PACKAGE}@${VERSION} is not in ${FOLDER}`
}

function isInstalled(): boolean {
  const file = join(FOLDER, 'node_modules', PACKAGE, 'package.json')
  return (
    existsSync(file) && Manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).version === VERSION
  )
}

export type Inspected = Readonly<{ code: number; stdout: string; stderr: string }>

/** One run of its command line: 0 done, 5 a tool answered with an error, 6 `--strict` finds. */
export async function inspect(args: readonly string[]): Promise<Inspected> {
  const main = join(FOLDER, 'node_modules', PACKAGE, 'clients', 'launcher', 'build', 'index.js')
  const { promise, resolve } = Promise.withResolvers<Inspected>()
  execFile(
    process.execPath,
    [main, '--cli', ...args],
    {
      env: { PATH: process.env['PATH'], HOME: FOLDER, MCP_INSPECTOR_SECRET_STORE: 'memory' },
      timeout: CALL_WITHIN_MS,
    },
    (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    },
  )
  return promise
}
