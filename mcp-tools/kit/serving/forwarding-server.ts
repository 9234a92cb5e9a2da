import { ChimeraError, InvariantError } from '@chimera/contracts/errors'

import type { ToolLog } from '../tool-server.ts'
import type { ServedReadTool } from './define-tool.ts'
import type { ServedTools } from './http-handler.ts'
import { errorResult, readResult } from './tool-result.ts'

/**
 * A server whose tools make no effect of their own: no ledger, no grants, no `/control`. What they
 * ask for is decided, and done once, by whom they ask.
 */
export function createForwardingServer(of: {
  name: string
  tools: readonly ServedReadTool[]
  log: ToolLog
  /** One call is over, with OK or a code. */
  count?: (call: Readonly<{ tool: string; outcome: string }>) => void
}): ServedTools {
  const { name, tools, log } = of
  return {
    name,
    tools,
    call: async (tool, args, context) => {
      const { name: called } = tool.definition
      try {
        if (tool.kind !== 'read') throw new InvariantError(`${called} needs a ledger.`)
        const fields = await tool.read(args, context)
        of.count?.({ tool: called, outcome: 'OK' })
        return readResult(fields, tool)
      } catch (error) {
        const isExpected = error instanceof ChimeraError && !(error instanceof InvariantError)
        of.count?.({ tool: called, outcome: isExpected ? error.code : 'TOOL_FAILED' })
        if (!isExpected) log.error({ err: error, tool: called }, 'a call failed')
        return errorResult(error, tool)
      }
    },
  }
}
