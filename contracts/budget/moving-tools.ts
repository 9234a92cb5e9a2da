import { type ToolName, TOOLS, isToolName } from '../tools.ts'

/**
 * Tools that make a transaction of a wallet: every one of its server that acts. Their effects take
 * what they move in its own asset, and a place among the transfers of the day; their receipts say
 * in dollars what the gas cost, and not what was moved.
 */
export const MOVING_TOOLS: readonly ToolName[] = Object.keys(TOOLS)
  .filter(isToolName)
  .filter((name) => TOOLS[name].server === 'wallet' && TOOLS[name].mutating)

export const movesMoney = (tool: string): boolean => MOVING_TOOLS.some((name) => name === tool)

/** The asset that counts transactions of wallets, so that a count is a cap like any other. */
export const TRANSFERS = 'TRANSFERS'

/**
 * What the house counts by itself. A token of a chain that is named so is none of them: its units
 * would fill a cap of dollars or of calls, or take a second line in the same counter.
 */
export const HOUSE_ASSETS: readonly string[] = ['USD', 'MODELUSD', 'TOKENS', TRANSFERS]
