import { existsSync, statfsSync, statSync } from 'node:fs'
import path from 'node:path'

import type { Go } from './find-go.ts'

const GB = 1e9
/** Measured of v1.39.0: sources 2.0 GB, compiled 1.6 GB, and what the linker writes beside it. */
const NEEDED = { sources: 2.1 * GB, compiled: 2.1 * GB } as const

/**
 * Why a build has not the room on disk that it takes; nothing when it has. A disk that runs full
 * takes the PostgreSQL of the tests with it.
 *
 * @param module - its path and version; where its sources lie already, they need no room
 */
export function findNoRoom(
  go: Pick<Go, 'modules' | 'compiled'>,
  module: string,
  needs: { sources: number; compiled: number } = NEEDED,
): string | undefined {
  const areSourcesThere = existsSync(path.join(go.modules, module))
  const wanted = [
    { folder: nearest(go.modules), bytes: areSourcesThere ? 0 : needs.sources },
    { folder: nearest(go.compiled), bytes: needs.compiled },
  ]
  for (const places of Map.groupBy(wanted, ({ folder }) => statSync(folder).dev).values()) {
    const [{ folder } = { folder: '/' }] = places
    const needed = places.reduce((sum, { bytes }) => sum + bytes, 0)
    const { bavail, bsize } = statfsSync(folder)
    if (bavail * bsize < needed)
      return `it takes ${inGb(needed)} on the disk of ${folder}, which has ${inGb(bavail * bsize)}`
  }
  return undefined
}

const inGb = (bytes: number): string => `${(bytes / GB).toFixed(1)} GB`

/** The folder itself, or the one that it will be made in. */
const nearest = (folder: string): string =>
  existsSync(folder) || folder === path.dirname(folder) ? folder : nearest(path.dirname(folder))
