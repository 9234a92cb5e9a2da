import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'

import { hashFile, syncFolder } from './hashed-file.ts'
import type { BackupFile } from './manifest.ts'

/** Media are kept under the SHA-256 of their content: one that is there is never another. */
const NAME = /^[0-9a-f]{64}$/

/**
 * Copies the images of a stack into a backup. They are only ever added, so that what a goal of the
 * record names is among them when they are copied after it. One whose content is not its name any
 * more is left out: no tool server would take it.
 */
export async function copyMedia(of: {
  media: string
  /** The backup's folder. */
  into: string
  progress: (sentence: string) => void
  signal: AbortSignal
}): Promise<BackupFile[]> {
  const names = await readdir(of.media).catch(() => [])
  const copied: BackupFile[] = []
  for (const name of names.filter((one) => NAME.test(one)).toSorted()) {
    of.signal.throwIfAborted()
    const target = path.join(of.into, 'media', name)
    await copyDurably(path.join(of.media, name), target)
    const found = await hashFile(target)
    if (found.sha256 === name) {
      copied.push({ path: `media/${name}`, ...found })
      continue
    }
    of.progress(`media: ${name} was altered and is left out; \`chimera media add\` adds it again`)
    await rm(target)
  }
  if (copied.length > 0) of.progress(`media: ${copied.length} images`)
  return copied
}

/** Puts verified images of a backup where the stack looks for them; what is there stays. */
export async function placeMedia(of: {
  backup: string
  files: readonly BackupFile[]
  media: string
  progress: (sentence: string) => void
}): Promise<void> {
  let placed = 0
  for (const { path: name, sha256 } of of.files) {
    const target = path.join(of.media, path.basename(name))
    const there = await hashFile(target).catch(() => undefined)
    if (there?.sha256 === sha256) continue
    await copyDurably(path.join(of.backup, name), target)
    placed += 1
  }
  if (placed > 0) of.progress(`media: ${placed} images are back`)
}

/** Whole or not at all: it is read by its name the moment that it is there. */
async function copyDurably(from: string, target: string): Promise<void> {
  const folder = path.dirname(target)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fresh = `${target}.${randomUUID()}.new`
  try {
    await copyFile(from, fresh)
    await using file = await open(fresh, 'r+')
    await file.chmod(0o600)
    await file.sync()
    await rename(fresh, target)
  } finally {
    await rm(fresh, { force: true })
  }
  await syncFolder(folder)
}
