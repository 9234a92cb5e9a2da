import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'

/** A file that is written once, from its beginning to its end, and hashed on the way. */
export type HashedFile = {
  write(text: string): Promise<void>
  /** On the disk when it answers. */
  close(): Promise<{ bytes: number; sha256: string }>
}

/** Makes a file that only its owner may read; fails when it is there. */
export async function openHashedFile(file: string): Promise<HashedFile> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  return {
    async write(text) {
      const chunk = Buffer.from(text, 'utf8')
      hash.update(chunk)
      bytes += chunk.byteLength
      await handle.writeFile(chunk)
    },
    async close() {
      await handle.sync()
      await handle.close()
      return { bytes, sha256: hash.digest('hex') }
    },
  }
}

/** Bytes and SHA-256 of a file, read once. */
export async function hashFile(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunksOf(file)) {
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}

/**
 * The lines of a file. Not readline, which also breaks at U+2028 and U+2029: both may stand in
 * JSON.
 */
export async function* linesOf(file: string): AsyncGenerator<string> {
  let rest: Buffer[] = []
  for await (const chunk of chunksOf(file)) {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      yield Buffer.concat([...rest, chunk.subarray(from, at)]).toString('utf8')
      rest = []
      from = at + 1
    }
    if (from < chunk.byteLength) rest.push(chunk.subarray(from))
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString('utf8')
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 })) {
    if (Buffer.isBuffer(chunk)) yield chunk
  }
}

/** What was renamed or made in a folder stays after a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().catch(() => undefined)
  await handle.close()
}
