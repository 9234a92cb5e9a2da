import { ToolArguments } from '@chimera/contracts/effect'
import { ChimeraError } from '@chimera/contracts/errors'
import { META_GRANT, META_RECEIPT } from '@chimera/contracts/grant'
import type { LoadedGrant } from '@chimera/infra/database/tasks/load-grants'
import type { ToolClient, ToolReply } from '@chimera/infra/tools/tool-client'
import { backoffMs, delay } from '@chimera/runtime/backoff'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import { pinnedHash } from './pinned-hash.ts'

/** A server that is just starting has its hello within a second or two; more is the Keeper's. */
const MAX_TRIES = 3
const MAX_BACKOFF_MS = 2_000
/**
 * A server waits 10 s for its provider; then it answers UNKNOWN, and that answer is worth having.
 */
const CALL_TIMEOUT_MS = 15_000

/**
 * Carries one grant to its tool server with exactly the row's arguments and brings back the
 * receipt. Trying again is safe: the ledger knows the grant, and answers with what became of it.
 * Undefined when there is no receipt: nothing is concluded from silence, the Keeper carries it
 * again or asks the ledger.
 */
export async function carryGrant(of: {
  grant: LoadedGrant
  client: ToolClient
  signal: AbortSignal
  log: Logger
  crash: Crash
  random: () => number
}): Promise<string | undefined> {
  const { grant, client, signal, crash } = of
  const log = of.log.child({ grant: grant.grantId, effect: grant.effectId, tool: grant.tool })
  const args = ToolArguments.safeParse(grant.args)
  const definitionHash = pinnedHash(grant.definitions, grant.tool)
  if (!args.success || definitionHash === undefined) {
    log.error(
      'the grant cannot be carried: its arguments or its tool’s definition are not readable',
    )
    return undefined
  }
  for (let tries = 1; ; tries += 1) {
    crash('worker.grant.before_call')
    try {
      const reply = await client.callTool({
        tool: grant.tool,
        args: args.data,
        meta: { [META_GRANT]: grant.grant },
        definitionHash,
        timeoutMs: CALL_TIMEOUT_MS,
        signal,
      })
      crash('worker.grant.called')
      const receipt = receiptOf(reply)
      if (receipt !== undefined) return receipt
      log.warn({ tries, answer: reply.structured }, 'the tool server gave no receipt')
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err, tries }, 'the tool server could not be asked')
      if (err instanceof ChimeraError && err.kind !== 'retryable') return undefined
    }
    if (tries >= MAX_TRIES) return undefined
    await delay(Math.min(backoffMs('toolCall', tries + 1, of.random), MAX_BACKOFF_MS), signal)
  }
}

/** Outside text: the Judge verifies it, here only its size is looked at. */
const MAX_RECEIPT_CHARS = 16_384

function receiptOf({ meta }: ToolReply): string | undefined {
  const receipt = meta[META_RECEIPT]
  return typeof receipt === 'string' && receipt.length <= MAX_RECEIPT_CHARS ? receipt : undefined
}
