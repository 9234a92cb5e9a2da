/** What is left of a consumer: read, parse, acknowledge. */
import { Redis } from 'ioredis'

import { measureRawHop } from '../../ceiling/raw-hop.ts'
import { readSettings, sayAndExit } from './entry.ts'

const { redisSocket, entries } = readSettings()
const redis = new Redis(redisSocket)
sayAndExit(await measureRawHop({ redis, stream: 'raw', entries }))
