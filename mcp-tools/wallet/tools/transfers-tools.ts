import { TerminalError } from '@chimera/contracts/errors'
import { TOOLS } from '@chimera/contracts/tools'
import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import { defineReadTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import type { WalletParts } from '../transfers/wallet-parts.ts'
import { transferFields, transferOf } from './transfer-fields.ts'

const MAX_LISTED = 100

const told = {
  ...z.object(transferFields).partial().shape,
  state: z.string().describe('what became of it, as the ledger has it'),
  code: z.string().optional().describe('why it was not done'),
  claimed_at: z.iso.datetime().optional().describe('when it was begun'),
  settled_at: z.iso.datetime().optional().describe('when its state was found out'),
}

/** One transfer. */
export function getTransfer(parts: WalletParts): ServedTool {
  return defineReadTool({
    name: 'get_transfer',
    title: 'One transfer of the wallet',
    description:
      'What became of one transfer of this wallet, by its id or by the hash of its transaction, ' +
      'from the own ledger. UNKNOWN: it may still be mined.',
    scope: TOOLS.get_transfer.scope,
    input: {
      id: z.string().min(8).max(80).describe('transfer_id, or hash of the mined transaction'),
    },
    output: { transfer: z.strictObject(told) },
    read: async ({ id }) => {
      const { entries, account } = parts.ledger
      const entry = entries.byGrant(id) ?? entries.byProviderRef(account, id)
      if (entry === undefined) {
        throw new TerminalError('INPUT_INVALID', 'This wallet has made no transfer of this id.')
      }
      return { transfer: tell(entry, parts) }
    },
  })
}

/** The newest transfers. */
export function listTransfers(parts: WalletParts): ServedTool {
  return defineReadTool({
    name: 'list_transfers',
    title: 'The newest transfers of the wallet',
    description:
      'The newest transfers of this wallet, newest first, from the own ledger: done, under way, ' +
      'refused. Ask with `open` for those alone whose end is not known.',
    scope: TOOLS.list_transfers.scope,
    input: {
      limit: z.int().min(1).max(MAX_LISTED).optional().describe('how many; 20 when absent'),
      open: z.boolean().optional().describe('only those whose end is not known'),
    },
    output: { transfers: z.array(z.strictObject(told)) },
    read: async ({ limit = 20, open = false }) => {
      const { entries } = parts.ledger
      const chosen = open
        ? [...entries.inFlight(), ...entries.inState('NEEDS_HUMAN')].toReversed()
        : entries.newest(limit)
      return { transfers: chosen.slice(0, limit).map((entry) => tell(entry, parts)) }
    },
  })
}

function tell(entry: Entry, parts: WalletParts): Record<string, unknown> {
  const { state, code, claimedWallMs, settledMs } = entry
  return {
    ...transferOf(entry, parts),
    state,
    ...(code === undefined ? {} : { code }),
    ...(claimedWallMs === undefined ? {} : { claimed_at: new Date(claimedWallMs).toISOString() }),
    ...(settledMs === undefined ? {} : { settled_at: new Date(settledMs).toISOString() }),
  }
}
