import { ToolState } from '@chimera/contracts/tool-control'
import type { GaugeRow } from '@chimera/runtime/gauges'

import type { Ledger } from './ledger.ts'

/** What an operator watches of a tool server: open effects, whether it acts, how its file grows. */
export function ledgerGauges(of: {
  ledger: Pick<Ledger, 'entries' | 'seq' | 'bytes'>
  state: () => ToolState
}): readonly GaugeRow[] {
  const { ledger, state } = of
  return [
    {
      name: 'chimera_ledger_open_entries',
      help: 'Effects without an end: claimed, unknown, or waiting for a person',
      label: 'state',
      read: () => {
        const { CLAIMED, UNKNOWN, NEEDS_HUMAN } = ledger.entries.openCounts()
        return { claimed: CLAIMED, unknown: UNKNOWN, needs_human: NEEDS_HUMAN }
      },
    },
    {
      name: 'chimera_ledger_archived_entries',
      help: 'Effects that are settled for good and were archived',
      read: ledger.entries.archivedCount,
    },
    {
      name: 'chimera_tool_server_state',
      help: '1 for the state that the server is in',
      label: 'state',
      read: () => {
        const now = state()
        return Object.fromEntries(ToolState.options.map((each) => [each, each === now ? 1 : 0]))
      },
    },
    { name: 'chimera_ledger_seq', help: 'Number of the last ledger commit', read: ledger.seq },
    {
      name: 'chimera_ledger_bytes',
      help: 'Size of the ledger file, its write-ahead log aside',
      read: ledger.bytes,
    },
  ]
}
