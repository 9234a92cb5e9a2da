import { baseSymbol } from '@chimera/contracts/policy/base-symbol'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

/** What is never bought or sold, as `baseSymbol` spells it (requirement B31: the DCG list). */
export type RestrictedSymbols = ReadonlySet<string>

/** The example that the source of B31 gives; a configuration may name others. */
export const DEFAULT_RESTRICTED = 'USDT,LUNA,FTT'

/** Reads a list by comma. */
export function restrictedOf(list: string): RestrictedSymbols {
  return new Set(
    list
      .split(',')
      .map((symbol) => baseSymbol(symbol.trim()))
      .filter((symbol) => symbol !== ''),
  )
}

/** Opening is refused; what ends a position that is there already passes (`isExit`). */
export function restrictionOn(
  symbol: string,
  { restricted, isExit }: { restricted: RestrictedSymbols; isExit: boolean },
): Refusal | undefined {
  const base = baseSymbol(symbol)
  if (isExit || !restricted.has(base)) return undefined
  return { code: 'SYMBOL_RESTRICTED', detail: `${base} is on the list of what is not traded here.` }
}
