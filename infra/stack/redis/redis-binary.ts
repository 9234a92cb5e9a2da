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
const MORE_FOLDERS: readonly string[] = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
]

/**
 * Redis is one program that becomes what it is called as. Debian and Ubuntu ship it under this name
 * in `redis-tools`, the package without a system service; called `redis-server` it is the server.
 */
const TOOL = 'redis-check-rdb'

/** A server that can be used: Redis or Valkey, 7 or newer. */
export type RedisBinary = Readonly<{ file: string; version: string }>

/**
 * Finds a server, or installs one when that is allowed and possible without a question.
 *
 * @param options.linkFolder - where a link named `redis-server` may be made
 * @param options.moreFolders - looked at beside the search path; the usual ones when absent
 * @throws RetryableError `UNAVAILABLE` that says what to type
 */
export async function findRedisBinary(options: {
  searchPath: string
  linkFolder: string
  moreFolders?: readonly string[]
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

async function look(options: {
  searchPath: string
  linkFolder: string
  moreFolders?: readonly string[]
}): Promise<Look> {
  const tooOld: string[] = []
  const more = options.moreFolders ?? MORE_FOLDERS
  const listed = new Set([...options.searchPath.split(path.delimiter), ...more])
  const folders = [...listed].filter((folder) => path.isAbsolute(folder))
  const candidates = ['redis-server', 'valkey-server', TOOL].flatMap((name) =>
    folders.map((folder) => path.join(folder, name)),
  )
  for (const found of candidates) {
    const file = path.basename(found) === TOOL ? await linkTo(found, options.linkFolder) : found
    const version = file === undefined ? undefined : await versionOf(file)
    if (file === undefined || version === undefined) continue
    if (Number(version.split('.')[0]) >= LEAST_MAJOR) return { usable: { file, version }, tooOld }
    tooOld.push(`${file} ${version}`)
  }
  return { usable: undefined, tooOld }
}

async function linkTo(tool: string, linkFolder: string): Promise<string | undefined> {
  if (!(await isProgram(tool))) return undefined
  const link = path.join(linkFolder, 'redis-server')
  await rm(link, { force: true })
  await symlink(tool, link)
  return link
}

async function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function versionOf(file: string): Promise<string | undefined> {
  if (!(await isProgram(file))) return undefined
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 5000 })
    return /server v=(\d+\.\d+\.\d+)/i.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}
