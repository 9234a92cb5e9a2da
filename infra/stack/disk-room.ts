import { existsSync, statfsSync, statSync } from 'node:fs'

import { readStackRecord } from './stack-record.ts'
import type { StateDirPaths } from './state-dir.ts'

/** Where the stack writes, and how much more it can. */
export type DiskRoom = Readonly<{ path: string; freeBytes: number }>

/** PostgreSQL alone wants 16 MB for the next segment of its log. */
const LOW_BYTES = 32 * 1024 * 1024

/** The disks of a stack that are nearly full, each once. What cannot be looked at is left out. */
export function findLowDisks(paths: StateDirPaths): DiskRoom[] {
  const { postgres_base: base } = readStackRecord(paths.root)
  const folders = [paths.root, base ?? paths.postgres, paths.redis, paths.ledgers, paths.simulated]
  const byDevice = new Map<number, DiskRoom>()
  for (const path of folders) {
    if (!existsSync(path)) continue
    const { bavail, bsize } = statfsSync(path)
    const { dev } = statSync(path)
    if (!byDevice.has(dev)) byDevice.set(dev, { path, freeBytes: bavail * bsize })
  }
  return [...byDevice.values()].filter(({ freeBytes }) => freeBytes < LOW_BYTES)
}
