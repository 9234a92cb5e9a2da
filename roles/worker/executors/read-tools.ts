import { DeniedError, TerminalError } from '@chimera/contracts/errors'
import { isToolName, TOOLS } from '@chimera/contracts/tools'
import type { Sql } from '@chimera/infra/database/open-database'
import { findReadTool } from '@chimera/infra/database/tasks/find-read-tool'

import { pinnedHash } from '../grants/pinned-hash.ts'
import type { ToolConnections } from '../grants/tool-connections.ts'
import type { ReadTool } from './executor.ts'

/** Reading takes seconds at most; the executor's own time-out stands above it. */
const READ_TIMEOUT_MS = 15_000

/**
 * The tools that an executor may call: those of the catalogue that change nothing. Throws
 * DeniedError(TOOL_NOT_AVAILABLE) for every other one, and for one that no server serves the agent.
 */
export function openReadTool(of: {
  sql: Sql
  connections: ToolConnections
  tenantId: string
  agentId: string
}): ReadTool {
  return async (tool, args) => {
    if (!isToolName(tool) || TOOLS[tool].mutating) {
      const message = `${tool} is no tool that a worker may call on its own.`
      throw new DeniedError('TOOL_NOT_AVAILABLE', message)
    }
    const address = await findReadTool(of.sql, { ...of, tool })
    const definitionHash = pinnedHash(address?.definitions, tool)
    if (address === undefined || definitionHash === undefined) {
      const message = `No ${TOOLS[tool].server} server serves ${tool} for this agent.`
      throw new DeniedError('TOOL_NOT_AVAILABLE', message)
    }
    const reply = await of.connections
      .to(address.url)
      .callTool({ tool, args, definitionHash, timeoutMs: READ_TIMEOUT_MS })
    if (reply.isError) {
      throw new TerminalError('TOOL_FAILED', `${tool} of ${address.account} refused to answer.`)
    }
    return reply.structured ?? reply.content
  }
}
