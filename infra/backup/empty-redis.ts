import { rm } from 'node:fs/promises'
import path from 'node:path'

import { RetryableError } from '@chimera/contracts/errors'
import { MARKER_KEY, STREAMS } from '@chimera/contracts/streams'
import type { Logger } from '@chimera/runtime/log'

import { tryLock } from '../stack/processes/file-lock.ts'
import type { StateDirPaths } from '../stack/state-dir.ts'
import { openRedis, unavailable } from '../streams/open-redis.ts'

/** What a Redis without snapshots keeps on its disk. */
const KEPT = ['appendonlydir', 'dump.rdb']

/**
 * Empties the streams: what they hold was rung by a record that is gone, and a goal on them could
 * be taken for a new one. The Keeper finds no marker and rings again all that waits.
 */
export async function emptyRedis(of: {
  paths: StateDirPaths
  redisUrl: string | undefined
  log: Logger
}): Promise<void> {
  if (of.redisUrl === undefined) return emptyPrivate(of.paths)
  await using redis = await openRedis({ url: of.redisUrl, name: 'restore', log: of.log })
  const keys = [MARKER_KEY, ...Object.keys(STREAMS)]
  await redis.client.unlink(...keys).catch((cause: unknown) => {
    throw unavailable(cause)
  })
}

async function emptyPrivate({ redis }: StateDirPaths): Promise<void> {
  using lock = tryLock(path.join(redis, 'server.lock'))
  if (lock === undefined) {
    throw new RetryableError('UNAVAILABLE', `A Redis still runs in ${redis}; try again.`)
  }
  for (const name of KEPT) await rm(path.join(redis, name), { recursive: true, force: true })
}
