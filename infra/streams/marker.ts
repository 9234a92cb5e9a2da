import { MARKER_KEY } from '@chimera/contracts/streams'

import { unavailable, type RedisConnection } from './open-redis.ts'

/**
 * The marker says which memory Redis has. It is mirrored in Postgres; a marker that is gone or
 * another one means that Redis lost what it knew, and that open work has to be published again.
 */
export async function readMarker(options: { redis: RedisConnection }): Promise<string | null> {
  return options.redis.client.get(MARKER_KEY).catch((cause: unknown) => {
    throw unavailable(cause)
  })
}

export async function setMarker(options: {
  redis: RedisConnection
  marker: string
}): Promise<void> {
  await options.redis.client.set(MARKER_KEY, options.marker).catch((cause: unknown) => {
    throw unavailable(cause)
  })
}
