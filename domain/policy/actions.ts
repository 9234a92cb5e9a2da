import { PolicyAction } from '@chimera/contracts/policy/policy-document'
import { TOOLS, type ToolName, isToolName } from '@chimera/contracts/tools'

/** What a request has to name before anything can be said of it. */
export type NeededFact = 'amount' | 'recipient' | 'symbol'

/** Reads are every tool that changes nothing; what is not here or there is `unknown`. */
const ACTIONS: Partial<Record<ToolName, PolicyAction>> = {
  post_tweet: 'tweet.post',
  reply_tweet: 'tweet.reply',
  delete_tweet: 'tweet.delete',
  transfer_native: 'transfer',
  transfer_erc20: 'transfer',
  unstick_transfer: 'transfer.unstick',
  place_order: 'order',
  cancel_order: 'order.cancel',
  cancel_all: 'order.cancel',
  close_position: 'order.close',
}

/** Without these a request is denied: a rule on them would look at nothing. */
export const NEEDED_FACTS: Partial<Record<PolicyAction, readonly NeededFact[]>> = {
  transfer: ['amount', 'recipient'],
  order: ['symbol'],
}

/** What a tool does, in the words of a policy. */
export function actionOf(tool: string): PolicyAction {
  if (!isToolName(tool)) return 'unknown'
  return ACTIONS[tool] ?? (TOOLS[tool].mutating ? 'unknown' : 'read')
}

/** Tools by action, for windows that count actions in a record of tools. */
export function toolsOf(actions: readonly PolicyAction[]): string[] {
  return Object.keys(TOOLS).filter((tool) => actions.includes(actionOf(tool)))
}

/** Every action that changes something: what a window counts when nothing is said. */
export const MUTATING_ACTIONS: readonly PolicyAction[] = PolicyAction.options.filter(
  (action) => action !== 'read',
)
