import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

/** What is never bought or sold, in the spelling of `baseOf` (requirement B31: the DCG list). */
export type RestrictedSymbols = ReadonlySet<string>

/** The example that the source of B31 gives; a configuration may name others. */
export const DEFAULT_RESTRICTED = 'USDT,LUNA,FTT'

/**
 * The coin behind a venue's name for it: `luna`, `LUNA-PERP`, `LUNA/USDC`, `kLUNA` and
 * `dex:LUNA` are all LUNA. A restriction must not be walked around by spelling.
 */
export function baseOf(symbol: string): string {
  const [, name = symbol] = /^(?:[^:]*:)?(.*)$/u.exec(symbol.normalize('NFKC')) ?? []
  const [coin = name] = name.split(/[-/_@.\s]/u)
  // Hyperliquid writes a thousand of a cheap coin with a small k before its capitals.
  const single = /^k(?=[A-Z])/u.test(coin) ? coin.slice(1) : coin
  return single.toUpperCase()
}

/** Reads a list by comma. */
export function restrictedOf(list: string): RestrictedSymbols {
  return new Set(
    list
      .split(',')
      .map((symbol) => baseOf(symbol.trim()))
      .filter((symbol) => symbol !== ''),
  )
}

/** Opening is refused; what ends a position that is there already passes (`isExit`). */
export function restrictionOn(
  symbol: string,
  { restricted, isExit }: { restricted: RestrictedSymbols; isExit: boolean },
): Refusal | undefined {
  const base = baseOf(symbol)
  if (isExit || !restricted.has(base)) return undefined
  return { code: 'SYMBOL_RESTRICTED', detail: `${base} is on the list of what is not traded here.` }
}
