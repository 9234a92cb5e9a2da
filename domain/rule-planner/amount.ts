import { parseUnits } from '@chimera/contracts/money'

/** The finest unit that any asset has (wei); the tool checks the asset's own. */
const MAX_DECIMALS = 18

/** What is wrong with an amount that an owner wrote, or nothing. Floats never get here. */
export function checkAmount(amount: string): string | undefined {
  const units = parseUnits(amount, MAX_DECIMALS)
  if (units === undefined) return 'is not a plain decimal number such as 12.50'
  return units > 0n ? undefined : 'is zero'
}
