import { BudgetView, DOLLARS } from '@chimera/contracts/budget/cap'
import { parseUnits } from '@chimera/contracts/money'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

export type SetOptions = Readonly<{
  asset: string
  mode: string
  per?: 'day' | 'ever'
  json?: boolean
}>

const Budgets = z.object({ budgets: z.array(BudgetView) })

/** Counters and caps of a scope, or of all but goals. */
export async function list(
  scope: string | undefined,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const answer = Budgets.parse(await client.get('/v1/budgets', { scope }))
  print(answer.budgets, options, context)
}

/** Sets a cap, and prints what holds now. */
export async function set(
  scope: string,
  cap: string,
  options: SetOptions,
  context: CliContext,
): Promise<void> {
  const per = scope.startsWith('goal:') ? 'ever' : 'day'
  if (options.per !== undefined && options.per !== per) {
    throw new CliExit(
      EXIT.usage,
      'A goal has one cap for good (--per ever), everything else one for a day (--per day).',
    )
  }
  const client = await openGatewayClient(context)
  const { asset, mode } = options
  const body = { scope, asset, mode, cap: unitsOf(cap, asset) }
  const answer = Budgets.parse(await client.post('/v1/budgets', body))
  print(answer.budgets, options, context)
}

function unitsOf(cap: string, asset: string): string {
  if (cap === 'none' || cap === 'default') return cap
  const units = DOLLARS.includes(asset) ? parseUnits(cap, 6) : parseUnits(cap, 0)
  if (units !== undefined) return String(units)
  const what = DOLLARS.includes(asset) ? 'dollars with 6 decimals at most' : 'whole base units'
  throw new CliExit(EXIT.usage, `A cap of ${asset} is ${what}, none or default.`)
}

function print(
  budgets: readonly BudgetView[],
  options: { json?: boolean },
  context: CliContext,
): void {
  if (options.json === true) return context.out(printableJson(budgets))
  const rows = budgets.map((budget) => [
    budget.scope === 'tenant' ? 'tenant' : `${budget.scope}:${budget.scope_id}`,
    budget.mode,
    budget.asset,
    shown(budget.spent, budget),
    shown(budget.reserved, budget),
    shown(budget.carried, budget),
    budget.cap === null ? 'none' : shown(budget.cap, budget),
    budget.used_percent === null ? '' : `${budget.used_percent} %`,
    budget.per,
    budget.source,
  ])
  const head = ['of', 'mode', 'asset', 'spent', 'reserved', 'carried', 'cap', 'used', 'per', 'by']
  for (const line of renderTable(head, rows)) context.out(line)
}

/** Dollars as dollars, everything else in base units. */
function shown(units: string, { decimals }: BudgetView): string {
  if (decimals === null) return units
  const digits = units.padStart(decimals + 1, '0')
  const fraction = digits.slice(-decimals).replace(/0{1,4}$/, '')
  return `${digits.slice(0, -decimals)}.${fraction}`
}
