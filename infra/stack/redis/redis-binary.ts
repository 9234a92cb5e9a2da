import { execFile } from 'node:child_process'
import { access, constants, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

import { RetryableError } from '@chimera/contracts/errors'

import type { StackLog } from '../stack-log.ts'
import { findInstaller, installServer } from './redis-install.ts'

const run = promisify(execFile)

/** Streams with a lag that can be read came with 7.0. */
const LEAST_MAJOR = 7
/** Package managers put servers where a user's PATH may not look. */
const MORE_FOLDERS = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
]

/** A server that can be used: Redis or Valkey, 7 or newer. */
export type RedisBinary = Readonly<{ file: string; version: string }>

/**
 * Finds a server, or installs one when that is allowed and possible without a question.
 *
 * @param options.linkFolder - where a link named `redis-server` may be made
 * @throws RetryableError `UNAVAILABLE` that says what to type
 */
export async function findRedisBinary(options: {
  searchPath: string
  linkFolder: string
  install: boolean
  log: StackLog
}): Promise<RedisBinary> {
  const before = await look(options)
  if (before.usable !== undefined) return before.usable
  const installer = await findInstaller(options.searchPath)
  let failure = ''
  if (options.install && installer !== undefined && installer.mayRun) {
    options.log(`installing a Redis server with ${installer.name} (once)`)
    failure = await installServer(installer, options.searchPath)
    const after = await look(options)
    if (after.usable !== undefined) return after.usable
  }
  const old = before.tooOld.length === 0 ? '' : ` Found, but too old: ${before.tooOld.join(', ')}.`
  const cure =
    installer === undefined ? 'Install Redis 7 or Valkey 7.2' : `Type: ${installer.typed}`
  throw new RetryableError(
    'UNAVAILABLE',
    `No redis-server or valkey-server ${LEAST_MAJOR} or newer was found.${old} ${cure} ` +
      `(or set REDIS_URL to a server of your own), then start again.${failure}`,
  )
}

type Look = Readonly<{ usable: RedisBinary | undefined; tooOld: readonly string[] }>

async function look(options: { searchPath: string; linkFolder: string }): Promise<Look> {
  const tooOld: string[] = []
  const folders = new Set([...options.searchPath.split(path.delimiter), ...MORE_FOLDERS])
  const files = [...folders]
    .filter((folder) => path.isAbsolute(folder))
    .flatMap((folder) => ['redis-server', 'valkey-server'].map((name) => path.join(folder, name)))
  for (const file of [...files, await linkToTool(options.linkFolder)]) {
    const version = await versionOf(file)
    if (version === undefined) continue
    if (Number(version.split('.')[0]) >= LEAST_MAJOR) return { usable: { file, version }, tooOld }
    tooOld.push(`${file} ${version}`)
  }
  return { usable: undefined, tooOld }
}

/**
 * Redis is one program that becomes what it is called as. Debian and Ubuntu ship it as
 * `redis-check-rdb` in `redis-tools`, the package without a system service; called `redis-server`
 * it is the server.
 */
async function linkToTool(linkFolder: string): Promise<string> {
  const link = path.join(linkFolder, 'redis-server')
  await rm(link, { force: true })
  await symlink('/usr/bin/redis-check-rdb', link)
  return link
}

async function versionOf(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.X_OK)
    const { stdout } = await run(file, ['--version'], { timeout: 5000 })
    return /server v=(\d+\.\d+\.\d+)/i.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}
