/** A disk of a few megabytes under a folder, and how it is filled up. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MB = 1024 * 1024

/** `mount` as root, or by a `sudo` that asks for no password. */
const runAsRoot = (...words: readonly string[]): void => {
  const isRoot = process.getuid?.() === 0
  const [command = '', ...args] = isRoot ? words : ['sudo', '-n', ...words]
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Why no small disk can be had on this machine; nothing when it can. */
export function findMountFault(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'chimera-disk-'))
  try {
    mountSmallDisk(folder, { megabytes: 1, mode: 0o700 })[Symbol.dispose]()
    return undefined
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim().replaceAll('\n', ' ') : String(cause)
    return `a disk cannot be filled up here, because no tmpfs can be mounted (needs root): ${why}`
  } finally {
    rmdirSync(folder)
  }
}

/** Lays an empty disk of this size over a folder that may not exist yet. */
export function mountSmallDisk(
  folder: string,
  { megabytes, mode }: { megabytes: number; mode: number },
): Disposable {
  mkdirSync(folder, { recursive: true, mode })
  const options = `size=${megabytes}m,mode=${mode.toString(8)}`
  runAsRoot('mount', '-t', 'tmpfs', '-o', options, 'chimera-test', folder)
  if (process.getuid?.() !== 0) {
    const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()]
    runAsRoot('chown', `${uid}:${gid}`, folder)
  }
  return {
    // Lazily: whatever still has a file open there loses it with its own end.
    [Symbol.dispose]: () => runAsRoot('umount', '--lazy', folder),
  }
}

/** Takes every byte that is left; gives them back when disposed. */
export function fillUp(folder: string): Disposable {
  const file = join(folder, 'ballast')
  const at = openSync(file, 'w')
  try {
    for (const size of [MB, 4_096, 1]) writeUntilFull(at, Buffer.alloc(size))
  } finally {
    closeSync(at)
  }
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) }
}

function writeUntilFull(at: number, piece: Buffer): void {
  for (;;) {
    try {
      if (writeSync(at, piece) < piece.length) return
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC') return
      throw cause
    }
  }
}
