import { openDatabase } from '@chimera/infra/database/open-database'
import { openDutyLocks } from '@chimera/infra/database/sweeps/open-duty-locks'
import { openMemory } from '@chimera/infra/memory/open-memory'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { runProcess } from '@chimera/runtime/run-process'

import { openKeeper } from './open-keeper.ts'

await runProcess({
  name: 'keeper',
  sections: ['postgres', 'redis', 'keeper', 'memory'],
  async start({ config, consumerName, log, stack, health, metrics, crash }) {
    const { DATABASE_URL: url, TOOL_CONTROL_TOKEN: token } = config
    const database = stack.use(openDatabase({ url, name: 'keeper', log, role: 'chimera_swarm' }))
    const redis = stack.use(await openRedis({ url: config.REDIS_URL, name: 'keeper', log }))
    const keeper = stack.use(
      openKeeper({
        database,
        redis,
        publisher: openPublisher({ redis, source: 'keeper' }),
        openLocks: (duties) => openDutyLocks({ url, duties, log }),
        memory: stack.use(
          openMemory({ config, database, scopeOf: (tenantId) => ({ tenantIds: [tenantId] }) }),
        ),
        openControl: (of) => openToolControl({ ...of, token }),
        sweepMs: config.SWEEP_MS,
        tasks: metrics.tasks,
        actor: consumerName,
        log,
        crash,
      }),
    )
    health.addCheck('redis', () => redis.check())
    health.addCheck('record', () => keeper.check())
  },
})
