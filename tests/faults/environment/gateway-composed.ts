import { openGateway } from '@chimera/gateway/open-gateway'
/**
 * The gateway in a composition of the tests: the product's parts, on a record that it sees through
 * a lens. A person's word is about whatever is asked for the same slot and arguments.
 */
import { openDatabase } from '@chimera/infra/database/open-database'
import { openMemory } from '@chimera/infra/memory/open-memory'
import { openFeedReader } from '@chimera/infra/streams/feed-reader'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { runProcess } from '@chimera/runtime/run-process'

import { byWhatWasAsked, seenThrough } from '../model/without.ts'

await runProcess({
  name: 'gateway',
  sections: ['postgres', 'redis', 'gateway', 'stops', 'memory'],
  start: async ({ config, log, stack }) => {
    const record = stack.use(
      openDatabase({ url: config.DATABASE_URL, name: 'gateway', log, role: 'chimera_gateway' }),
    )
    const target = { url: config.REDIS_URL, name: 'gateway', log }
    const redis = stack.use(await openRedis(target))
    const gateway = stack.use(
      await openGateway({
        database: seenThrough(record, byWhatWasAsked),
        redis,
        publisher: openPublisher({ redis, source: 'gateway' }),
        feed: stack.use(openFeedReader({ ...target, name: 'gateway-feed', redis })),
        openControl: (of) => openToolControl({ ...of, token: config.TOOL_CONTROL_TOKEN }),
        openMemory: (own) =>
          openMemory({ config, database: own, scopeOf: (tenantId) => ({ tenantId }) }),
        openControlWith: openToolControl,
        killToken: undefined,
        log,
        mostQueued: config.AGENT_MAX_QUEUED,
        host: config.GATEWAY_HOST,
        port: config.GATEWAY_PORT,
        onDefect: (error) =>
          setImmediate(() => {
            throw error
          }),
      }),
    )
    return { url: gateway.url }
  },
})
