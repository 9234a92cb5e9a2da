import type { StatusReport } from '@chimera/contracts/observable'
import { askReady } from '@chimera/infra/stack/processes/readiness'
import type { StackReport } from '@chimera/infra/stack/stack-report'

/**
 * Where memories are and how it is there: degraded when Weaviate does not answer, or when the
 * memory has refused what waits for it in the record.
 */
export async function askMemory(
  report: StackReport,
  isRefused: boolean,
): Promise<StatusReport['memory']> {
  const { weaviate } = report.urls
  const isAway = weaviate !== undefined && !(await answers(weaviate))
  const reason = isAway
    ? 'Weaviate does not answer; tasks go on without memories, which are written later'
    : isRefused
      ? 'memories wait in the record until the memory takes them'
      : undefined
  const backend = report.memory?.backend ?? 'none'
  if (reason !== undefined) return { backend, degraded: true, reason }
  const why = report.memory?.reason
  return { backend, degraded: false, ...(why === undefined ? {} : { reason: why }) }
}

const answers = (url: string): Promise<boolean> =>
  askReady({ kind: 'http', url: `${url.replace(/\/+$/, '')}/v1/.well-known/ready` }, false)
