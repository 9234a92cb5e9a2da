/** The trading server in a composition of the tests (`compose-kind.ts`). */
import { openToolProcess } from '@chimera/mcp-kit/open-tool-process'
import { tradingKind } from '@chimera/mcp-trading/trading-kind'
import { runProcess } from '@chimera/runtime/run-process'

import { composeKind } from './compose-kind.ts'

await runProcess({
  name: 'trading',
  sections: ['toolServer', 'trading'],
  start: async (context) =>
    openToolProcess(context, composeKind(tradingKind(context.config, false))),
})
