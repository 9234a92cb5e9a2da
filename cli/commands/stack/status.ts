import { StatusReport } from '@chimera/contracts/observable'
import { findStack } from '@chimera/infra/stack/control-client'
import { findLowDisks } from '@chimera/infra/stack/disk-room'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { queryStatus } from './status-query.ts'
import { renderStatus } from './status-table.ts'

/** The version of the checkout, as `chimera --version`. */
const VERSION = '0.1.0'

/** What runs, where it is and what it has to do; a stack that is down is no failure. */
export async function status(options: { json?: boolean }, context: CliContext): Promise<void> {
  const stateDir = findStateDir(context.env)
  const stack = await findStack(stateDir)
  const report = StatusReport.parse(
    stack === undefined ? reportDown(stateDir) : await reportOf(await stack.report(), context),
  )
  context.out(options.json === true ? JSON.stringify(report) : renderStatus(report))
}

async function reportOf(report: StackReport, context: CliContext): Promise<StatusReport> {
  const { state_dir, state, token_file, urls, roles, simulated } = report
  for (const { path, freeBytes } of findLowDisks(stateDirPaths(state_dir))) {
    const megabytes = Math.floor(freeBytes / 1024 / 1024)
    context.err(
      `disk: ${path} has ${megabytes} MB left; on a full disk nothing is accepted or done`,
    )
  }
  return {
    version: VERSION,
    state,
    state_dir,
    urls: {
      gateway: urls.gateway === '' ? null : urls.gateway,
      redis: urls.redis === '' ? null : urls.redis,
      postgres: urls.postgres === '' ? null : urls.postgres,
      ...(urls.weaviate === undefined ? {} : { weaviate: urls.weaviate }),
      ...(urls.swarm === undefined ? {} : { swarm: urls.swarm }),
    },
    token_file,
    roles,
    simulated,
    ...(await queryStatus(report, context.err)),
  }
}

function reportDown(stateDir: string): StatusReport {
  return {
    version: VERSION,
    state: 'down',
    state_dir: stateDir,
    urls: { gateway: null, redis: null, postgres: null },
    token_file: stateDirPaths(stateDir).keyFiles.operatorToken,
    roles: [],
    tools: [],
    simulated: [],
    fence: [],
    kill: [],
    paused: [],
    streams: [],
    tasks: {},
    turns: [],
    effects: {},
    dead: 0,
    memory: { backend: 'none', degraded: false },
  }
}
