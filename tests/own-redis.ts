import { inject } from 'vitest'

/**
 * The path of the Redis socket that this worker of vitest has for itself: what one file flushes,
 * counts or slows down is not another's.
 */
export function ownRedisUrl(): string {
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 1)
  const url = inject('redisUrls')[worker - 1]
  if (url === undefined) throw new Error(`No Redis server was started for worker ${worker}.`)
  return url
}
