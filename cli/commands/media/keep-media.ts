import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'

import { checkImage, handleOf, MAX_IMAGE_BYTES, mediaFileName } from '@chimera/contracts/media'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { plain, printableJson } from '../../terminal-text.ts'

/**
 * Copies an image into the folder of media under the name of its content. The same image again is
 * the same file. Exit 2 for what is no image that a tweet may carry.
 */
export async function addMedia(
  file: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const bytes = await readImage(file)
  const verdict = checkImage(bytes)
  if (!verdict.isImage) throw new CliExit(EXIT.usage, `${plain(file)}: ${verdict.detail}`)
  const handle = handleOf(bytes)
  const folder = folderOf(context)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await keep(path.join(folder, mediaFileName(handle)), bytes)
  const { type } = verdict
  if (options.json === true) context.out(printableJson({ handle, type, bytes: bytes.length }))
  else context.out(handle)
}

/** Every image of the folder, the newest first. */
export async function listMedia(options: { json?: boolean }, context: CliContext): Promise<void> {
  const folder = folderOf(context)
  const names = (await readdir(folder).catch(() => [])).filter((name) => NAME.test(name))
  const found = await Promise.all(
    names.map(async (name) => {
      const { size, mtime } = await stat(path.join(folder, name))
      return { handle: `sha256:${name}`, bytes: size, added_at: mtime.toISOString() }
    }),
  )
  const media = found.toSorted((left, right) => right.added_at.localeCompare(left.added_at))
  if (options.json === true) context.out(printableJson(media))
  else for (const { handle, bytes } of media) context.out(`${handle} ${bytes}`)
}

const NAME = /^[0-9a-f]{64}$/

/** `TWEET_MEDIA_DIR`, else the folder that the stack gives its tweet server. */
function folderOf({ env }: CliContext): string {
  const named = env['TWEET_MEDIA_DIR'] ?? ''
  return named === '' ? stateDirPaths(findStateDir(env)).media : path.resolve(named)
}

async function readImage(file: string): Promise<Buffer> {
  try {
    await using handle = await open(file, 'r')
    const { size } = await handle.stat()
    if (size > MAX_IMAGE_BYTES) throw new Error(`it has more than ${MAX_IMAGE_BYTES} bytes`)
    return await handle.readFile()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliExit(EXIT.usage, `${plain(file)} could not be read: ${plain(reason)}`)
  }
}

/** Whole or not at all: a tool server reads it by its name the moment that it is there. */
async function keep(target: string, bytes: Buffer): Promise<void> {
  const fresh = `${target}.${randomUUID()}.new`
  await using file = await open(fresh, 'wx', 0o600)
  await file.writeFile(bytes)
  await file.sync()
  await rename(fresh, target)
}
