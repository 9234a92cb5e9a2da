import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const INSTALL_WITHIN_MS = 300_000

type PackageTool = Readonly<{
  name: string
  needsRoot: boolean
  script: string
  /** What a person types instead. */
  typed: string
}>

/**
 * None of these starts a system service: `redis-tools` has none, and the others leave it to a
 * person.
 */
const managers: readonly PackageTool[] = [
  {
    name: 'apt-get',
    needsRoot: true,
    script: `
      export DEBIAN_FRONTEND=noninteractive
      get() {
        apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=60 redis-tools
      }
      get || { apt-get update -qq -o DPkg::Lock::Timeout=60; get; }`,
    typed: 'apt-get install redis-server',
  },
  {
    name: 'dnf',
    needsRoot: true,
    // Fedora and RHEL 10 have Valkey; older releases have Redis.
    script: 'dnf install -y -q valkey || dnf install -y -q redis',
    typed: 'dnf install valkey',
  },
  {
    name: 'apk',
    needsRoot: true,
    script: 'apk add --no-cache redis || apk add --no-cache valkey',
    typed: 'apk add redis',
  },
  {
    name: 'brew',
    needsRoot: false,
    script: 'HOMEBREW_NO_AUTO_UPDATE=1 brew install --quiet redis',
    typed: 'brew install redis',
  },
]

/** The package manager of this machine and whether it may be used without a question. */
export type Installer = Readonly<{
  name: string
  script: string
  typed: string
  withSudo: boolean
  mayRun: boolean
}>

export async function findInstaller(searchPath: string): Promise<Installer | undefined> {
  const folders = [...searchPath.split(path.delimiter), '/usr/bin', '/usr/sbin', '/sbin']
  for (const manager of managers) {
    if (!(await isIn(folders, manager.name))) continue
    const withSudo = manager.needsRoot && process.getuid?.() !== 0
    return {
      name: manager.name,
      script: manager.script,
      typed: withSudo ? `sudo ${manager.typed}` : manager.typed,
      withSudo,
      mayRun: !withSudo || (await succeeds('sudo', ['-n', 'true'])),
    }
  }
  return undefined
}

/**
 * Answers what went wrong as a sentence, or nothing. Whether it worked is for the caller to see.
 */
export async function installServer(installer: Installer, searchPath: string): Promise<string> {
  const words = ['/bin/sh', '-c', installer.script]
  const [command = '', ...args] = installer.withSudo ? ['sudo', '-n', ...words] : words
  try {
    await run(command, args, {
      env: { PATH: `${searchPath}:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: 'C' },
      timeout: INSTALL_WITHIN_MS,
    })
    return ''
  } catch (error) {
    const said = error instanceof Error ? error.message.trim().slice(-600) : String(error)
    return ` ${installer.name} was tried and said: ${said}`
  }
}

async function isIn(folders: readonly string[], name: string): Promise<boolean> {
  for (const folder of folders) {
    const found = access(path.join(folder, name), constants.X_OK)
    if (await found.then(() => true).catch(() => false)) return true
  }
  return false
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args, { timeout: 5000 })
    .then(() => true)
    .catch(() => false)
}
