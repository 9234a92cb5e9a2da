import type { Database } from '@chimera/infra/database/open-database'

import { cpuSeconds } from '../processes/stack-processes.ts'
import type { BenchStack } from '../stack/bench-stack.ts'
import type { Line } from '../swarm/measure-burst.ts'
import { postNoops } from '../swarm/post-noops.ts'
import { type BareSettings, bareStreams } from './bare/bare-settings.ts'
import { createBareSchema, openBarePipeline } from './bare/open-bare.ts'

/** A bare pipeline on the servers of a stack, to be measured as the product is. */
export async function openBareLine(of: {
  stack: BenchStack
  database: Database
  pipeline: BareSettings['pipeline']
  env: Readonly<Record<string, string | undefined>>
  opened: AsyncDisposableStack
}): Promise<Line> {
  const { stack, database, pipeline, env, opened } = of
  await createBareSchema(database, pipeline)
  const report = await stack.report()
  const settings = { databaseUrl: report.urls.postgres, redisUrl: report.urls.redis }
  const roles = opened.use(await openBarePipeline({ ...settings, pipeline, env }))
  const servers = new Set(report.servers.map(({ name }) => name))
  return {
    post: (name, goals) => {
      const { goals: stream } = bareStreams(pipeline)
      return postNoops({ redis: stack.redis(), stream, name, goals })
    },
    goals: `${pipeline}.goals`,
    cpu: async () => {
      roles.check()
      const all = Object.entries(await cpuSeconds(report))
      const shared = all.filter(([name]) => servers.has(name))
      return { ...(await roles.cpu()), ...Object.fromEntries(shared) }
    },
  }
}
