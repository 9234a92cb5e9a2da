import { open } from 'node:fs/promises'
import { join } from 'node:path'

import { checkImage, handleOf, MAX_IMAGE_BYTES, mediaFileName } from '@chimera/contracts/media'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

import type { Image } from './network/network.ts'

/** Images by what they are. */
export type MediaStore = Readonly<{
  /** The image of a handle, checked, or why there is none to be sent. */
  read: (handle: string) => Promise<Image | Refusal>
}>

/**
 * The folder that `chimera media add` fills. What is read is hashed again: the file's name says
 * what was approved, and its content may have been changed since. No folder: no media.
 */
export function openMediaStore(folder: string | undefined): MediaStore {
  return {
    read: async (handle) => {
      if (folder === undefined)
        return refuse('This server has no folder of media (TWEET_MEDIA_DIR).')
      const bytes = await readBounded(join(folder, mediaFileName(handle)))
      if (bytes === undefined) {
        return refuse(`There is no image ${handle} here; chimera media add <file> puts it there.`)
      }
      if (handleOf(bytes) !== handle) {
        return refuse(`The file of ${handle} holds something else; add the image again.`)
      }
      const verdict = checkImage(bytes)
      return verdict.isImage
        ? { bytes, type: verdict.type }
        : refuse(`${handle}: ${verdict.detail}`)
    },
  }
}

/** Whether there is no image, but a reason. */
export const isNoImage = (read: Image | Refusal): read is Refusal => 'code' in read

/** One byte more than an image may have is enough to see that it is none. */
async function readBounded(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, 'r')
    const buffer = Buffer.alloc(MAX_IMAGE_BYTES + 1)
    let size = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size, size)
      size += bytesRead
      if (bytesRead === 0 || size === buffer.length) return buffer.subarray(0, size)
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}

const refuse = (detail: string): Refusal => ({ code: 'INPUT_INVALID', detail })
