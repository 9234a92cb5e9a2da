import { access, mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** `sun_path` holds 108 bytes on Linux (104 on macOS), the closing zero included. */
const MAX_BYTES = process.platform === 'darwin' ? 103 : 107

/**
 * Where a Unix socket can be: the wanted path when it is short enough, else a file in a private
 * folder with a random name. A remembered one is taken again while its folder is ours and closed
 * to others, because anybody may make a folder of that name in the shared temporary folder.
 */
export async function findSocketPath(wanted: string, remembered?: string): Promise<string> {
  if (Buffer.byteLength(wanted) <= MAX_BYTES) return wanted
  if (remembered !== undefined && (await isPrivate(path.dirname(remembered)))) return remembered
  const short = Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp'
  await access(short)
  return path.join(await mkdtemp(path.join(short, 'chimera-')), path.basename(wanted))
}

async function isPrivate(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined)
  return found !== undefined && found.uid === process.getuid?.() && (found.mode & 0o077) === 0
}
