import { openDatabase } from '@chimera/infra/database/open-database'
import { openMemory } from '@chimera/infra/memory/open-memory'
import { openFeedReader } from '@chimera/infra/streams/feed-reader'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { runProcess } from '@chimera/runtime/run-process'

import { openGateway } from './open-gateway.ts'

await runProcess({
  name: 'gateway',
  sections: ['postgres', 'redis', 'gateway', 'stops', 'memory'],
  start: async ({ config, log, stack, health }) => {
    const database = stack.use(
      openDatabase({ url: config.DATABASE_URL, name: 'gateway', log, role: 'chimera_gateway' }),
    )
    const target = { url: config.REDIS_URL, name: 'gateway', log }
    const redis = stack.use(await openRedis(target))
    const feed = stack.use(openFeedReader({ ...target, name: 'gateway-feed', redis }))
    const gateway = stack.use(
      await openGateway({
        database,
        redis,
        publisher: openPublisher({ redis, source: 'gateway' }),
        feed,
        openMemory: (own) =>
          openMemory({ config, database: own, scopeOf: (tenantId) => ({ tenantId }) }),
        openControl: (of) => openToolControl({ ...of, token: config.TOOL_CONTROL_TOKEN }),
        openControlWith: openToolControl,
        killToken: config.TOOL_KILL_TOKEN,
        mostQueued: config.AGENT_MAX_QUEUED,
        log,
        host: config.GATEWAY_HOST,
        port: config.GATEWAY_PORT,
        onDefect: (error) =>
          setImmediate(() => {
            throw error
          }),
      }),
    )
    health.addCheck('postgres', async () => {
      const { checks } = await gateway.readiness.look()
      if (checks.postgres !== 'ok') throw new Error(checks.postgres)
    })
    return { url: gateway.url }
  },
})
