import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, inject, test } from 'vitest'

import { ownRedisUrl } from '../own-redis.ts'

test('the tests run on a real PostgreSQL 18', async () => {
  const client = new pg.Client(inject('databaseUrl'))
  await client.connect()
  try {
    const { rows } = await client.query<{ version: number }>(
      `select current_setting('server_version_num')::int / 10000 as version`,
    )
    expect(rows).toEqual([{ version: 18 }])
  } finally {
    await client.end()
  }
})

test('the tests run on a real Redis of at least version 7', async () => {
  const redis = new Redis(ownRedisUrl())
  try {
    const [, version] = /redis_version:(\d+)/.exec(await redis.info('server')) ?? []
    expect(Number(version)).toBeGreaterThanOrEqual(7)
  } finally {
    redis.disconnect()
  }
})
