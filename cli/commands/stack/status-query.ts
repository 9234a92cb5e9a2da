import type { StatusReport } from '@chimera/contracts/observable'
import type { StackReport } from '@chimera/infra/stack/stack-report'

type Queried = Pick<
  StatusReport,
  'tools' | 'fence' | 'streams' | 'tasks' | 'effects' | 'dead' | 'memory'
>

/** What the record, Redis and the tool servers say. */
export async function queryStatus(report: StackReport): Promise<Queried> {
  await Promise.resolve(report)
  return {
    tools: [],
    fence: [],
    streams: [],
    tasks: {},
    effects: {},
    dead: 0,
    memory: { backend: 'none', degraded: false },
  }
}
