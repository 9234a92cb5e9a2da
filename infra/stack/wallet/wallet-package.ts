import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import { RetryableError } from '@chimera/contracts/errors'

import type { StackLog } from '../stack-log.ts'
import { checkoutRoot } from '../state-dir.ts'

const run = promisify(execFile)

/** 907 packages: 80 s on an idle machine with a near registry. */
const INSTALL_WITHIN_MS = 600_000
/** A lock that nobody has touched for so long is a dead process's. */
const STALE_MS = 60_000
const TOUCH_MS = 10_000
const POLL_MS = 500

/** The one package that is no workspace: AgentKit alone is 930 MB (decision 0008). */
const folder = (): string => path.join(checkoutRoot(), 'mcp-tools', 'wallet')
const stampFile = (): string => path.join(folder(), 'node_modules', '.chimera-lock')

function lockHash(): string {
  const text = readFileSync(path.join(folder(), 'package-lock.json'))
  return createHash('sha256').update(text).digest('hex')
}

/** Whether the packages of the wallet are those of its lock file. */
export function isWalletInstalled(): boolean {
  if (!existsSync(stampFile())) return false
  return readFileSync(stampFile(), 'utf8') === lockHash()
}

/**
 * The anvil of this machine: npm's where it has one (Linux on x64), else the one that Foundry has
 * put into the search path. Undefined where there is none.
 */
export function findAnvil(searchPath: string): string | undefined {
  const own = path.join(folder(), 'node_modules', '@foundry-rs', 'anvil-linux-amd64', 'bin')
  const isOwn = process.platform === 'linux' && process.arch === 'x64'
  const folders = [...(isOwn ? [own] : []), ...searchPath.split(path.delimiter).filter(Boolean)]
  return folders.map((each) => path.join(each, 'anvil')).find((binary) => existsSync(binary))
}

/**
 * Installs the packages of the wallet into its own folder by its own lock file, unless they are
 * there. One at a time: a second one waits for the first.
 *
 * @throws RetryableError `UNAVAILABLE` with npm's last words
 */
export async function installWallet(options: {
  log: StackLog
  /** npm is stopped when it says so. */
  signal?: AbortSignal
}): Promise<void> {
  if (isWalletInstalled()) return
  await using stack = new AsyncDisposableStack()
  stack.use(await takeLock(path.join(folder(), '.installing')))
  if (isWalletInstalled()) return
  options.log('installing the packages of the wallet (once, about 930 MB) ...')
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  // Without a network it should fail after seconds and not minutes.
  const patience = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=8000']
  try {
    // In its folder and not with --prefix, which would hide the machine's own npm settings.
    const { signal } = options
    await run('npm', ['ci', ...flags, ...patience], {
      cwd: folder(),
      timeout: INSTALL_WITHIN_MS,
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ').slice(-600) : ''
    const message = `The packages of the wallet could not be installed: ${said}`
    throw new RetryableError('UNAVAILABLE', message, { cause })
  }
  await writeFile(stampFile(), lockHash())
}

/** A folder that one process can make. Its holder touches it, so that a dead one's is known. */
async function takeLock(lock: string): Promise<AsyncDisposable> {
  for (;;) {
    const isMine = await mkdir(lock).then(
      () => true,
      () => false,
    )
    if (isMine) break
    const found = await stat(lock).catch(() => undefined)
    const isDead = found !== undefined && Date.now() - found.mtimeMs > STALE_MS
    if (isDead) await rmdir(lock).catch(() => undefined)
    else await sleep(POLL_MS)
  }
  const touch = setInterval(() => {
    const now = new Date()
    void utimes(lock, now, now).catch(() => undefined)
  }, TOUCH_MS)
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(touch)
      await rmdir(lock).catch(() => undefined)
    },
  }
}
