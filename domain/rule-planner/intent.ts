import type { Slot } from '@chimera/contracts/effect'
import { NATIVE_ASSET } from '@chimera/contracts/money'
import type { TaskPayload } from '@chimera/contracts/task-payload'
import type { ToolName } from '@chimera/contracts/tools'

import { MAX_TASKS } from '../task-graph.ts'

/** What the rules understood: the work, and every effect in the world that it may have. */
export type Intent = {
  readonly payloads: readonly TaskPayload[]
  readonly slots: readonly Slot[]
}

/** The slots of goals that ask for one effect; the owner's words never name them. */
export const SLOT = { publish: 'publish', pay: 'pay:1' } as const

/** Which tool pays in an asset. */
export const transferTool = (asset: string) =>
  asset === NATIVE_ASSET ? ('transfer_native' as const) : ('transfer_erc20' as const)

/** The intent of one payload: its effect, when it has a slot. */
export function intentOf(payload: TaskPayload): Intent {
  if (!('slot' in payload)) return { payloads: [payload], slots: [] }
  return { payloads: [payload], slots: [{ slot: payload.slot, tool: toolOf(payload), limit: 1 }] }
}

/** A drill: `count` tasks that do nothing. */
export function noops(count: number): Intent {
  return {
    payloads: Array.from({ length: count }, (_, index) => ({ kind: 'noop' as const, index })),
    slots: [],
  }
}

/** How many tasks a drill may have. */
export const isNoopCount = (count: number): boolean =>
  Number.isInteger(count) && count >= 1 && count <= MAX_TASKS

function toolOf(payload: Extract<TaskPayload, { slot: string }>): ToolName {
  if (payload.kind === 'tweet.post' || payload.kind === 'agent.write') return 'post_tweet'
  if (payload.kind === 'tweet.reply' || payload.kind === 'agent.engage') return 'reply_tweet'
  if (payload.kind === 'wallet.unstick') return 'unstick_transfer'
  return transferTool(payload.asset)
}
